import { useQuery } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import type { ReactElement } from 'react';
import {
  Autocomplete,
  Dialog,
  Input,
  Menu,
  MenuItem,
  Modal,
  ModalOverlay,
  SearchField,
  useFilter,
} from 'react-aria-components';
import { api } from '../api/client.js';
import { dataOf } from '../api/problem.js';
import { shellText } from '../text/shell.js';
import { SCREENS } from './screens.js';
import styles from './palette.module.css';

type Target = Readonly<{ href: string; name: string; kind: string }>;

const MAX_NAMES = 200;

const DEEDS: readonly Target[] = [
  { href: '/servers/new', name: 'Add server', kind: 'Do' },
  { href: '/policies/new', name: 'New policy', kind: 'Do' },
  { href: '/grants/new', name: 'New grant', kind: 'Do' },
  { href: '/playground', name: 'Playground: call a tool', kind: 'Do' },
  { href: '/log-streams/new', name: 'New log stream', kind: 'Do' },
  { href: '/start', name: 'Get started', kind: 'Do' },
];

/** Servers, policies and identities by name, read when the palette opens. */
const fetchTargets = async (): Promise<readonly Target[]> => {
  const params = { query: { limit: MAX_NAMES } };
  const [servers, policies, identities] = await Promise.all([
    api.GET('/v1/servers', { params }).then(dataOf),
    api.GET('/v1/policies', { params }).then(dataOf),
    api.GET('/v1/identities', { params }).then(dataOf),
  ]);
  return [
    ...servers.items.map(({ id, name }) => ({ href: `/servers/${id}`, name, kind: 'Server' })),
    ...policies.items.map(({ id, name }) => ({ href: `/policies/${id}`, name, kind: 'Policy' })),
    ...identities.items.map(({ id, name }) => ({ href: `/grants?identity=${id}`, name, kind: 'Identity' })),
  ];
};

/** Ctrl or Cmd and K: type a few letters, press Enter. */
export function Palette({ isOpen, onClose }: Readonly<{ isOpen: boolean; onClose: () => void }>): ReactElement {
  const router = useRouter();
  const { contains } = useFilter({ sensitivity: 'base' });
  const named = useQuery({ queryKey: ['palette'], queryFn: fetchTargets, enabled: isOpen });
  const targets = [...SCREENS.map(({ to, name }) => ({ href: to, name, kind: '' })), ...DEEDS, ...(named.data ?? [])];
  const go = (href: string): void => {
    onClose();
    router.history.push(`/app${href}`);
  };
  return (
    <ModalOverlay
      className={styles['veil'] ?? ''}
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      isDismissable
    >
      <Modal className={styles['modal'] ?? ''}>
        <Dialog className={styles['dialog'] ?? ''} aria-label={shellText.palette}>
          <Autocomplete filter={contains}>
            <SearchField autoFocus aria-label={shellText.paletteField}>
              <Input className={styles['input'] ?? ''} placeholder={shellText.paletteField} />
            </SearchField>
            <Menu
              className={styles['list'] ?? ''}
              aria-label={shellText.palette}
              items={targets}
              onAction={(key) => go(String(key))}
              renderEmptyState={() => <p className={styles['nothing']}>{shellText.paletteNothing}</p>}
            >
              {({ href, name, kind }) => (
                <MenuItem id={href} textValue={name} className={styles['item'] ?? ''}>
                  <span>{name}</span>
                  <span className={styles['kind']}>{kind}</span>
                </MenuItem>
              )}
            </Menu>
          </Autocomplete>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
