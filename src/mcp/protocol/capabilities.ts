import { isObject, type Json } from '../../platform/json/json-object.js';
import { TASKS_EXTENSION } from './task-messages.js';

const LISTS = ['tools', 'resources', 'prompts'] as const;

/**
 * What an upstream offers, as it is offered to clients: without a list of tasks, which would show those of every grant;
 * and with a promise to say when a list changed, as a change of grant or policy changes it whatever the upstream does.
 */
export const offered = (capabilities: unknown): Json => {
  if (!isObject(capabilities)) return {};
  const { tasks, ...others } = capabilities;
  const lists = LISTS.flatMap((name) =>
    isObject(others[name]) ? [[name, { ...others[name], listChanged: true }] as const] : [],
  );
  return { ...others, ...Object.fromEntries(lists), ...(isObject(tasks) ? { tasks: withoutList(tasks) } : {}) };
};

/** The same where calls may be held: a client that takes tasks is given one for each. */
export const withTasks = (capabilities: Json): Json => {
  const { extensions } = capabilities;
  return { ...capabilities, extensions: { ...(isObject(extensions) ? extensions : {}), [TASKS_EXTENSION]: {} } };
};

const withoutList = ({ list: _refused, ...tasks }: Json): Json => tasks;
