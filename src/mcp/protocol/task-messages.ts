import { isObject, type Json } from '../../platform/json/json-object.js';
import { parsedJson } from '../../platform/json/parsed-json.js';
import { editObject, type Edit } from '../wire/json-text.js';
import type { Era } from './era.js';

/** The extension of the modern era. */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';
const RELATED = 'io.modelcontextprotocol/related-task';

/** What every message holds that names a task. */
export const TASK_MARKER = '"taskId';

/** Whether a client of the modern era says that it takes tasks. */
export const takesTasks = ({
  era,
  clientCapabilities,
}: Readonly<{ era: Era; clientCapabilities: unknown }>): boolean => {
  const extensions = isObject(clientCapabilities) ? clientCapabilities['extensions'] : undefined;
  return era === 'modern' && isObject(extensions) && TASKS_EXTENSION in extensions;
};

type Replace = (taskId: string) => string;

/** Edits members of a value that is an object, and keeps any other value. */
const inObject =
  (edits: Readonly<Record<string, Edit>>): Edit =>
  (value) =>
    value?.startsWith('{') ? editObject(value, edits) : value;

/**
 * A message, as JSON text, whose ids of tasks are replaced wherever either era has them: in results and params, a task
 * in a result, and what says to which task a message belongs. Everything else keeps its text.
 */
export const withTaskIds = (message: string, replace: Replace): string => {
  const taskId: Edit = (value) => {
    const id = value === undefined ? undefined : parsedJson(value);
    return typeof id === 'string' ? JSON.stringify(replace(id)) : value;
  };
  const own = { taskId, _meta: inObject({ [RELATED]: inObject({ taskId }) }) };
  return editObject(message, { params: inObject(own), result: inObject({ ...own, task: inObject({ taskId }) }) });
};

/** The id of the task that an answer to a call made; undefined when it is the call's own result. */
export const createdTask = ({ result }: Json): string | undefined => {
  if (!isObject(result)) return undefined;
  const { task, taskId, resultType } = result;
  const id = isObject(task) ? task['taskId'] : resultType === 'task' ? taskId : undefined;
  return typeof id === 'string' ? id : undefined;
};
