import type { ReactElement } from 'react';
import {
  Button,
  Text,
  UNSTABLE_Toast as AriaToast,
  UNSTABLE_ToastContent as ToastContent,
  UNSTABLE_ToastQueue as ToastQueue,
  UNSTABLE_ToastRegion as ToastRegion,
} from 'react-aria-components';
import { shellText } from '../text/shell.js';
import styles from './toast.module.css';

const TOAST_MS = 5000;
const queue = new ToastQueue<string>({ maxVisibleToasts: 3 });

/** Says for five seconds that something was done. What failed is said at its place instead. */
export const tell = (message: string): void => {
  queue.add(message, { timeout: TOAST_MS });
};

/** Where the messages of `tell` are shown. */
export function Toasts(): ReactElement {
  return (
    <ToastRegion queue={queue} className={styles['region'] ?? ''} aria-label={shellText.notifications}>
      {({ toast }) => (
        <AriaToast toast={toast} className={styles['toast'] ?? ''}>
          <ToastContent>
            <Text slot="title">{toast.content}</Text>
          </ToastContent>
          <Button slot="close" className={styles['close'] ?? ''} aria-label={shellText.close}>
            ×
          </Button>
        </AriaToast>
      )}
    </ToastRegion>
  );
}
