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
import { Shell } from './shell/shell.js';
import { Broken, NotFound } from './shell/faults.js';
import { ServersPage } from './servers/servers-page.js';

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: Broken });

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: ({ next, organizationId }: Record<string, unknown>): { next?: string; organizationId?: string } => ({
    ...(textOf(next) !== undefined && { next: textOf(next) as string }),
    ...(textOf(organizationId) !== undefined && { organizationId: textOf(organizationId) as string }),
  }),
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
const servers = createRoute({ getParentRoute: () => signedIn, path: '/servers', component: ServersPage });

const policies = createRoute({
  getParentRoute: () => signedIn,
  path: '/policies',
  component: lazyRouteComponent(() => import('./policies/screens.js'), 'PoliciesScreen'),
});
const newPolicy = createRoute({
  getParentRoute: () => signedIn,
  path: '/policies/new',
  validateSearch: ({ serverId }: Record<string, unknown>): { serverId?: string } =>
    textOf(serverId) === undefined ? {} : { serverId: textOf(serverId) as string },
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

const routes = root.addChildren([
  login,
  signup,
  reset,
  invitation,
  signedIn.addChildren([home, servers, ...decisions]),
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
