import { Link, type LinkProps } from '@tanstack/react-router';
import type { ReactElement, ReactNode } from 'react';
import { Button as AriaButton, type ButtonProps as AriaButtonProps } from 'react-aria-components';
import styles from './button.module.css';

type Look = 'primary' | 'plain' | 'danger' | 'quiet';

const lookOf = (look: Look): string => [styles['button'], look === 'plain' ? '' : styles[look]].join(' ').trim();

type ButtonProps = Omit<AriaButtonProps, 'className' | 'style'> & Readonly<{ look?: Look }>;

/** A button. While `isPending` it keeps its place and can't be pressed again. */
export function Button({ look = 'plain', ...props }: ButtonProps): ReactElement {
  return <AriaButton {...props} className={lookOf(look)} />;
}

type ButtonLinkProps = Readonly<{
  /** The path of a screen. */
  to: string;
  search?: LinkProps['search'];
  look?: Look;
  children: ReactNode;
}>;

/** A link that looks like a button. */
export function ButtonLink({ look = 'plain', ...props }: ButtonLinkProps): ReactElement {
  return <Link {...(props as unknown as LinkProps)} className={lookOf(look)} />;
}
