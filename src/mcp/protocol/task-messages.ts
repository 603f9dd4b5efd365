import { isObject, type Json } from '../../platform/json/json-object.js';
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

/** An object whose own `taskId` is replaced. */
const named = (object: Json, replace: Replace): Json =>
  typeof object['taskId'] === 'string' ? { ...object, taskId: replace(object['taskId']) } : object;

const related = (object: Json, replace: Replace): Json => {
  const { _meta: meta } = object;
  const task = isObject(meta) ? meta[RELATED] : undefined;
  return isObject(meta) && isObject(task) ? { ...object, _meta: { ...meta, [RELATED]: named(task, replace) } } : object;
};

/**
 * A message whose ids of tasks are replaced wherever either era has them: in results and params, a task in a result,
 * and what says to which task a message belongs.
 */
export const withTaskIds = (message: Json, replace: Replace): Json => {
  const changed: Record<string, unknown> = { ...message };
  const { params, result } = message;
  if (isObject(params)) changed['params'] = related(named(params, replace), replace);
  if (isObject(result)) {
    const { task } = result;
    changed['result'] = related(
      named(isObject(task) ? { ...result, task: named(task, replace) } : result, replace),
      replace,
    );
  }
  return changed;
};

/** The id of the task that an answer to a call made; undefined when it is the call's own result. */
export const createdTask = ({ result }: Json): string | undefined => {
  if (!isObject(result)) return undefined;
  const { task, taskId, resultType } = result;
  const id = isObject(task) ? task['taskId'] : resultType === 'task' ? taskId : undefined;
  return typeof id === 'string' ? id : undefined;
};
