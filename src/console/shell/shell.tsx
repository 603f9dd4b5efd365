import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect, useState, type ReactElement } from 'react';
import { Button } from 'react-aria-components';
import { shellText } from '../text/shell.js';
import { Button as PlainButton } from '../ui/button.js';
import { AccountMenu } from './account-menu.js';
import { Palette } from './palette.js';
import { SCREENS } from './screens.js';
import styles from './shell.module.css';

function Brand(): ReactElement {
  return (
    <Link to="/servers" className={styles['brand'] ?? ''}>
      <span className={styles['gate']} aria-hidden="true" />
      {shellText.brand}
    </Link>
  );
}

function Navigation(): ReactElement {
  return (
    <nav aria-label={shellText.navigation}>
      <ul className={styles['links']}>
        {SCREENS.map(({ to, name }) => (
          <li key={to}>
            <Link to={to as string} className={styles['link'] ?? ''} activeProps={{ 'aria-current': 'page' }}>
              {name}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** The frame of every screen behind the sign-in: navigation, the account, the palette, and the screen itself. */
export function Shell(): ReactElement {
  const [isMenuOpen, setMenuOpen] = useState(false);
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const path = useRouterState({ select: ({ location }) => location.pathname });
  useEffect(() => setMenuOpen(false), [path]);
  useEffect(() => {
    const open = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setPaletteOpen(true);
    };
    document.addEventListener('keydown', open);
    return () => document.removeEventListener('keydown', open);
  }, []);
  return (
    <div className={styles['frame']}>
      <a href="#content" className={styles['skip']}>
        {shellText.skip}
      </a>
      <div className={styles['top']}>
        <Brand />
        <PlainButton onPress={() => setMenuOpen(!isMenuOpen)} aria-expanded={isMenuOpen}>
          {shellText.menu}
        </PlainButton>
      </div>
      <header className={styles['side']} data-open={isMenuOpen}>
        <Brand />
        <Button className={styles['search'] ?? ''} onPress={() => setPaletteOpen(true)}>
          {shellText.palette}
          <kbd aria-hidden="true">{shellText.paletteHint}</kbd>
        </Button>
        <Navigation />
        <div className={styles['grow']} />
        <AccountMenu />
      </header>
      <main id="content" className={styles['main']} tabIndex={-1}>
        <Outlet />
      </main>
      <Palette isOpen={isPaletteOpen} onClose={() => setPaletteOpen(false)} />
    </div>
  );
}
