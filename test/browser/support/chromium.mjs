import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where a Chromium is installed; `CHROMIUM` names another. Undefined where there is none. */
export const chromiumPath = () => process.env.CHROMIUM ?? PATHS.find((path) => existsSync(path));

/** A headless Chromium that asks nobody outside for anything. */
export const launchChromium = () =>
  chromium.launch({
    executablePath: chromiumPath(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
