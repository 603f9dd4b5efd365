import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { Button, Header, Menu, MenuItem, MenuSection, MenuTrigger, Popover } from 'react-aria-components';
import { api } from '../api/client.js';
import { everything } from '../api/pages.js';
import { dataOf } from '../api/problem.js';
import { useMe } from '../api/session.js';
import { roleNames, shellText } from '../text/shell.js';
import { Hidden } from '../ui/states.js';
import { applyTheme, chosenTheme, THEMES } from './theme.js';
import styles from './shell.module.css';

const fetchOrganizations = () =>
  everything(async (query) => dataOf(await api.GET('/v1/me/organizations', { params: { query } })));

/** Ends the session and begins anew at the sign-in: nothing that was read stays in memory. */
const signOut = async (): Promise<void> => {
  dataOf(await api.POST('/v1/logout'));
  location.assign('/app/login');
};

/** Who is signed in and where, other organizations of theirs, the theme, and the way out. */
export function AccountMenu(): ReactElement {
  const { user, organization, role } = useMe();
  const organizations = useQuery({ queryKey: ['my-organizations'], queryFn: fetchOrganizations });
  const [theme, setTheme] = useState(chosenTheme);
  const leave = useMutation({ mutationFn: signOut });
  const others = (organizations.data ?? []).filter(({ id }) => id !== organization.id);
  const act = (key: string): void => {
    const chosen = THEMES.find((name) => `theme-${name}` === key);
    if (chosen) {
      applyTheme(chosen);
      setTheme(chosen);
    } else if (key === 'sign-out') leave.mutate();
    else location.assign(`/app/login?organizationId=${encodeURIComponent(key)}`);
  };
  return (
    <MenuTrigger>
      <Button className={styles['account'] ?? ''}>
        <Hidden>{shellText.account}: </Hidden>
        <span className={styles['organization']}>{organization.name}</span>
        <span className={styles['person']}>
          {user?.email} · {roleNames[role]}
        </span>
      </Button>
      <Popover placement="top start">
        <Menu className={styles['menu'] ?? ''} onAction={(key) => act(String(key))}>
          {others.length > 0 && (
            <MenuSection aria-label={shellText.organization}>
              <Header className={styles['menuHead'] ?? ''}>{shellText.organization}</Header>
              {others.map(({ id, name }) => (
                <MenuItem key={id} id={id} className={styles['menuItem'] ?? ''}>
                  {shellText.switchTo(name)}
                </MenuItem>
              ))}
            </MenuSection>
          )}
          <MenuSection aria-label={shellText.theme.label}>
            <Header className={styles['menuHead'] ?? ''}>{shellText.theme.label}</Header>
            {THEMES.map((name) => (
              <MenuItem
                key={name}
                id={`theme-${name}`}
                textValue={shellText.theme[name]}
                className={styles['menuItem'] ?? ''}
              >
                {shellText.theme[name]}
                {theme === name && <span aria-hidden="true">✓</span>}
              </MenuItem>
            ))}
          </MenuSection>
          <MenuSection aria-label={shellText.account}>
            <MenuItem id="sign-out" className={styles['menuItem'] ?? ''}>
              {shellText.signOut}
            </MenuItem>
          </MenuSection>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
