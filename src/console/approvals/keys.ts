/** Whether a key goes into a field, or is part of a shortcut of the browser. */
export const isTyping = ({ target, ctrlKey, metaKey, altKey }: KeyboardEvent): boolean =>
  ctrlKey || metaKey || altKey || (target instanceof Element && target.closest('input, textarea, select') !== null);
