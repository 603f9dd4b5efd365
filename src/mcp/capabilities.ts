type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const TASKS = 'io.modelcontextprotocol/tasks';
const LISTS = ['tools', 'resources', 'prompts'] as const;

/**
 * What an upstream offers, as it is offered to clients: without tasks, whose methods no rule governs, as they would be promised and then refused; and with a
 * promise to say when a list changed, as a change of grant or policy changes it whatever the upstream does.
 */
export const offered = (capabilities: unknown): Json => {
  if (!isObject(capabilities)) return {};
  const { tasks: _refused, extensions, ...others } = capabilities;
  const lists = LISTS.flatMap((name) => (isObject(others[name]) ? [[name, { ...others[name], listChanged: true }] as const] : []));
  return { ...others, ...Object.fromEntries(lists), ...(isObject(extensions) ? { extensions: withoutTasks(extensions) } : {}) };
};

const withoutTasks = ({ [TASKS]: _refused, ...extensions }: Json): Json => extensions;
