import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { onSignedOut } from './api/client.js';
import { queryClient } from './api/query-client.js';
import { router } from './router.js';
import { applyTheme, chosenTheme } from './shell/theme.js';
import { Toasts } from './ui/toast.js';
import './ui/theme.css';

applyTheme(chosenTheme());
onSignedOut(() => {
  const { pathname, href } = router.state.location;
  if (pathname.startsWith('/login')) return;
  queryClient.clear();
  router.navigate({ to: '/login', search: { next: href } }).catch(() => undefined);
});

const place = document.getElementById('root');
if (place)
  createRoot(place).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
        <Toasts />
      </QueryClientProvider>
    </StrictMode>,
  );
