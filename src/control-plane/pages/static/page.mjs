/** Adds a button to each figure with code that copies it. Without this script the code can be marked and copied. */
const COPIED_MS = 2000;

/** A line that screen readers speak when it changes. */
const announcement = document.createElement('p');
announcement.className = 'trap';
announcement.setAttribute('role', 'status');

const copy = async (button, text) => {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    // Over plain http, and where it is not allowed, there is no clipboard: the text is marked instead.
    getSelection()?.selectAllChildren(button.closest('figure').querySelector('code'));
    button.textContent = 'Marked: press Ctrl+C';
  }
  announcement.textContent = button.textContent;
  setTimeout(() => (button.textContent = 'Copy'), COPIED_MS);
};

document.body.append(announcement);
for (const figure of document.querySelectorAll('figure.code')) {
  const caption = figure.querySelector('figcaption');
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Copy';
  button.setAttribute('aria-label', `Copy ${caption.textContent}`);
  button.addEventListener('click', () => copy(button, figure.querySelector('code').textContent));
  caption.append(button);
}
