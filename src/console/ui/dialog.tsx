import { useState, type ReactElement, type ReactNode } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { messageOf } from '../api/problem.js';
import { shellText } from '../text/shell.js';
import { Button } from './button.js';
import styles from './dialog.module.css';
import fieldStyles from './field.module.css';

type DialogProps = Readonly<{ title: string; isOpen: boolean; onClose: () => void; children: ReactNode }>;

/** A dialog over the page. Escape and a press beside it close it; focus returns to where it was. */
export function Dialog({ title, isOpen, onClose, children }: DialogProps): ReactElement {
  return (
    <ModalOverlay
      className={styles['veil'] ?? ''}
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      isDismissable
    >
      <Modal className={styles['modal'] ?? ''}>
        <AriaDialog className={styles['dialog'] ?? ''}>
          <Heading slot="title" level={2}>
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

/** Buttons at the end of a dialog. */
export function DialogActions({ children }: Readonly<{ children: ReactNode }>): ReactElement {
  return <div className={styles['actions']}>{children}</div>;
}

type ConfirmProps = Readonly<{
  /** What the button that opens the dialog says. */
  label: string;
  title: string;
  text: ReactNode;
  /** What the button that does it says. */
  confirm: string;
  onConfirm: () => Promise<unknown>;
  isDanger?: boolean;
  isDisabled?: boolean;
}>;

/** A button whose deed is confirmed in a dialog, which stays open with the reason when it fails. */
export function ConfirmButton(props: ConfirmProps): ReactElement {
  const { label, title, text, confirm, onConfirm, isDanger = true, isDisabled = false } = props;
  const [isOpen, setOpen] = useState(false);
  const [state, setState] = useState<Readonly<{ isBusy: boolean; failure?: string }>>({ isBusy: false });
  const close = (): void => {
    setOpen(false);
    setState({ isBusy: false });
  };
  const act = (): void => {
    setState({ isBusy: true });
    onConfirm().then(close, (error: unknown) => setState({ isBusy: false, failure: messageOf(error) }));
  };
  return (
    <>
      <Button look={isDanger ? 'danger' : 'plain'} isDisabled={isDisabled} onPress={() => setOpen(true)}>
        {label}
      </Button>
      <Dialog title={title} isOpen={isOpen} onClose={close}>
        <div className={styles['text']}>{text}</div>
        {state.failure !== undefined && (
          <p role="alert" className={fieldStyles['message']}>
            {state.failure}
          </p>
        )}
        <DialogActions>
          <Button onPress={close}>{shellText.cancel}</Button>
          <Button look={isDanger ? 'danger' : 'primary'} isDisabled={state.isBusy} onPress={act}>
            {confirm}
          </Button>
        </DialogActions>
      </Dialog>
    </>
  );
}
