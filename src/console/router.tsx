import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { readApprovalsSearch } from './approvals/approvals-search.js';
import { readLogSearch } from './log/log-search.js';
import { readUsageSearch } from './usage/range.js';
import { Refusal } from './api/problem.js';
import { queryClient } from './api/query-client.js';
import { meQuery } from './api/session.js';
import { InvitationPage } from './accounts/invitation-page.js';
import { PasswordResetPage } from './accounts/password-reset-page.js';
import { SignInPage } from './accounts/sign-in-page.js';
import { SignUpPage } from './accounts/sign-up-page.js';
import type { StartSearch } from './start/start-page.js';
import { Shell } from './shell/shell.js';
import { Broken, NotFound } from './shell/faults.js';

/** Those of the values that are texts: an address may say anything. */
const optional = <Key extends string>(values: Readonly<Record<Key, unknown>>): { [key in Key]?: string } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => typeof value === 'string')) as {
    [key in Key]?: string;
  };

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: Broken });

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: (search: Record<string, unknown>): { next?: string; organizationId?: string } =>
    optional({ next: search['next'], organizationId: search['organizationId'] }),
  component: function Login() {
    const { next, organizationId } = login.useSearch();
    return <SignInPage next={next} organizationId={organizationId} />;
  },
});
const signup = createRoute({ getParentRoute: () => root, path: '/signup', component: SignUpPage });
const reset = createRoute({ getParentRoute: () => root, path: '/password-reset', component: PasswordResetPage });
const invitation = createRoute({ getParentRoute: () => root, path: '/invitation', component: InvitationPage });

/** Everything behind the sign-in: who is not signed in goes there, and comes back. */
export const signedIn = createRoute({
  getParentRoute: () => root,
  id: 'signed-in',
  beforeLoad: async ({ location }) => {
    try {
      await queryClient.ensureQueryData(meQuery);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 401) throw error;
      const next = location.href === '/' ? {} : { next: location.href };
      throw redirect({ to: '/login', search: next });
    }
  },
  component: Shell,
});

const home = createRoute({
  getParentRoute: () => signedIn,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/servers' });
  },
});
const servers = createRoute({
  getParentRoute: () => signedIn,
  path: '/servers',
  component: lazyRouteComponent(() => import('./servers/servers-page.js'), 'ServersPage'),
});
const newServer = createRoute({
  getParentRoute: () => signedIn,
  path: '/servers/new',
  component: lazyRouteComponent(() => import('./servers/new-server-page.js'), 'NewServerPage'),
});
const ServerPage = lazyRouteComponent(() => import('./servers/server-page.js'), 'ServerPage');
const server = createRoute({
  getParentRoute: () => signedIn,
  path: '/servers/$id',
  component: function ServerOfAddress() {
    const { id } = server.useParams();
    return <ServerPage key={id} id={id} />;
  },
});

const policies = createRoute({
  getParentRoute: () => signedIn,
  path: '/policies',
  component: lazyRouteComponent(() => import('./policies/screens.js'), 'PoliciesScreen'),
});
const newPolicy = createRoute({
  getParentRoute: () => signedIn,
  path: '/policies/new',
  validateSearch: ({ serverId }: Record<string, unknown>): { serverId?: string } => optional({ serverId }),
  component: lazyRouteComponent(() => import('./policies/screens.js'), 'NewPolicyScreen'),
});
const policy = createRoute({
  getParentRoute: () => signedIn,
  path: '/policies/$id',
  component: lazyRouteComponent(() => import('./policies/screens.js'), 'PolicyScreen'),
});
const log = createRoute({
  getParentRoute: () => signedIn,
  path: '/log',
  validateSearch: readLogSearch,
  component: lazyRouteComponent(() => import('./log/screen.js'), 'LogScreen'),
});
const approvals = createRoute({
  getParentRoute: () => signedIn,
  path: '/approvals',
  validateSearch: readApprovalsSearch,
  component: lazyRouteComponent(() => import('./approvals/screen.js'), 'ApprovalsScreen'),
});
const usage = createRoute({
  getParentRoute: () => signedIn,
  path: '/usage',
  validateSearch: readUsageSearch,
  component: lazyRouteComponent(() => import('./usage/screen.js'), 'UsageScreen'),
});
const playground = createRoute({
  getParentRoute: () => signedIn,
  path: '/playground',
  component: lazyRouteComponent(() => import('./playground/screen.js'), 'PlaygroundScreen'),
});
const decisions = [policies, newPolicy, policy, log, approvals, usage, playground] as const;
const GrantsPage = lazyRouteComponent(() => import('./grants/grants-page.js'), 'GrantsPage');
const grants = createRoute({
  getParentRoute: () => signedIn,
  path: '/grants',
  validateSearch: ({ identity }: Record<string, unknown>): { identity?: string } => optional({ identity }),
  component: function GrantsOfAddress() {
    return <GrantsPage identity={grants.useSearch().identity} />;
  },
});
const NewGrantPage = lazyRouteComponent(() => import('./grants/new-grant-page.js'), 'NewGrantPage');
const newGrant = createRoute({
  getParentRoute: () => signedIn,
  path: '/grants/new',
  validateSearch: (search: Record<string, unknown>): { server?: string; policy?: string } =>
    optional({ server: search['server'], policy: search['policy'] }),
  component: function NewGrantOfAddress() {
    const search = newGrant.useSearch();
    return <NewGrantPage serverId={search.server} policyId={search.policy} />;
  },
});
const GrantPage = lazyRouteComponent(() => import('./grants/grant-page.js'), 'GrantPage');
const grant = createRoute({
  getParentRoute: () => signedIn,
  path: '/grants/$id',
  component: function GrantOfAddress() {
    const { id } = grant.useParams();
    return <GrantPage key={id} id={id} />;
  },
});

const StartPage = lazyRouteComponent(() => import('./start/start-page.js'), 'StartPage');
const start = createRoute({
  getParentRoute: () => signedIn,
  path: '/start',
  validateSearch: (search: Record<string, unknown>): { server?: string; policy?: string } =>
    optional({ server: search['server'], policy: search['policy'] }),
  component: function StartOfAddress() {
    const navigate = start.useNavigate();
    return (
      <StartPage
        search={start.useSearch()}
        onSearch={(search: StartSearch) => {
          navigate({ search }).catch(() => undefined);
        }}
      />
    );
  },
});

const settings = createRoute({
  getParentRoute: () => signedIn,
  path: '/settings',
  component: lazyRouteComponent(() => import('./settings/settings-page.js'), 'SettingsPage'),
});
const streams = createRoute({
  getParentRoute: () => signedIn,
  path: '/log-streams',
  component: lazyRouteComponent(() => import('./log-streams/streams-page.js'), 'StreamsPage'),
});
const newStream = createRoute({
  getParentRoute: () => signedIn,
  path: '/log-streams/new',
  component: lazyRouteComponent(() => import('./log-streams/new-stream-page.js'), 'NewStreamPage'),
});
const StreamPage = lazyRouteComponent(() => import('./log-streams/stream-page.js'), 'StreamPage');
const stream = createRoute({
  getParentRoute: () => signedIn,
  path: '/log-streams/$id',
  component: function StreamOfAddress() {
    const { id } = stream.useParams();
    return <StreamPage key={id} id={id} />;
  },
});

const routes = root.addChildren([
  login,
  signup,
  reset,
  invitation,
  signedIn.addChildren([
    home,
    servers,
    ...decisions,
    start,
    newServer,
    server,
    grants,
    newGrant,
    grant,
    settings,
    streams,
    newStream,
    stream,
  ]),
]);

/** The addresses of the console. Filters are typed search parameters, so that every view is a link. */
export const router = createRouter({
  routeTree: routes,
  basepath: '/app',
  scrollRestoration: true,
  defaultPreload: 'intent',
  defaultErrorComponent: Broken,
  defaultNotFoundComponent: NotFound,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
