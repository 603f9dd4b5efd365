import type { Json } from '../../platform/json/json-object.js';
import { listedTools, readTools, type ListedTool } from '../upstream/tool-definition.js';
import { toolsDigestOf } from './session-store.js';

const MAX_TOOLS = 1000;

/** Follows the pages of `tools/list` that a client reads, and digests the list that they make. */
export class ToolListDigest {
  readonly #tools: ListedTool[] = [];
  #cursor: unknown;

  /** Takes the result of one page, and the message it came in; returns the digest once the list is whole. */
  page(params: Json | undefined, result: Json, message: string): string | undefined {
    const cursor = params?.['cursor'];
    if (cursor === undefined) this.#tools.length = 0;
    else if (cursor !== this.#cursor) return undefined;
    const { tools, nextCursor } = result;
    if (!Array.isArray(tools)) return undefined;
    for (const tool of listedTools(tools, message)) this.#tools.push(tool);
    this.#cursor = typeof nextCursor === 'string' && nextCursor !== '' ? nextCursor : undefined;
    if (this.#tools.length > MAX_TOOLS) this.#cursor = undefined;
    else if (this.#cursor === undefined) return toolsDigestOf(readTools(this.#tools.splice(0)).tools);
    return undefined;
  }

  /** The cursor of the next page; undefined when the list is whole or too long to be followed. */
  get next(): string | undefined {
    return typeof this.#cursor === 'string' ? this.#cursor : undefined;
  }
}

/** Whether a result has members that can be read as a page of tools. */
export const isToolPage = (result: Json): boolean => Array.isArray(result['tools']);
