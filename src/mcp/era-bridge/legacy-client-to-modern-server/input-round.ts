import { startTimer } from '../../../platform/runtime/guard.js';
import { randomUUID } from 'node:crypto';
import type { Json } from '../../../platform/json/json-object.js';
import { isDeclared } from '../client-capabilities.js';
import { editObject, membersOf, type Edit } from '../../wire/json-text.js';
import type { PendingClientRequests } from './pending-client-requests.js';

/** How long a person may take to give the input. */
export const INPUT_TIMEOUT_MS = 600_000;

export type InputRequest = Readonly<{ key: string; method: string; params: string | undefined }>;

/** The input requests of an `input_required` result, or the reason why this client can't serve them. */
export const inputRequestsOf = (result: string, capabilities: Json): readonly InputRequest[] | string => {
  const requests: InputRequest[] = [];
  for (const [key, text] of membersOf(membersOf(result).get('inputRequests') ?? '{}')) {
    const members = membersOf(text);
    const method = methodIn(members.get('method'));
    const params = members.get('params');
    const declared = isDeclared(capabilities, method, params);
    if (declared === undefined) return 'the MCP server asked for input of an unknown kind';
    if (!declared) return `the MCP server needs input that this client can't give: ${method}`;
    requests.push({ key, method, params });
  }
  return requests;
};

const methodIn = (text: string | undefined): string =>
  text !== undefined && /^"[\w/]+"$/.test(text) ? text.slice(1, -1) : '';

/** URL elicitation has an id in the legacy era only. */
const withElicitationId: Edit = (value) => value ?? JSON.stringify(randomUUID());

const asLegacy = ({ method, params }: InputRequest): string | undefined =>
  method === 'elicitation/create' && params !== undefined && membersOf(params).get('mode') === '"url"'
    ? editObject(params, { elicitationId: withElicitationId })
    : params;

type InputRoundDeps = Readonly<{
  organizationId: string;
  grantId: string;
  sessionId: string;
  questions: PendingClientRequests;
  send: (message: string) => void;
}>;

/**
 * One round of requests to a legacy client. `done` gets the `inputResponses` for the retry, or undefined when some are
 * missing.
 */
export class InputRound {
  readonly #deps: InputRoundDeps;
  readonly #done: (responses: string | undefined) => void;
  readonly #open = new Set<string>();
  readonly #responses: string[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(deps: InputRoundDeps, requests: readonly InputRequest[], done: (responses: string | undefined) => void) {
    this.#deps = deps;
    this.#done = done;
    this.#timer = startTimer('input_round', INPUT_TIMEOUT_MS, () => this.#finish(undefined));
    // All requests go out, or none.
    if (!requests.every((request) => this.#request(request))) this.#finish(undefined);
  }

  /** The call ended: its open requests are dropped. */
  cancel(): void {
    clearTimeout(this.#timer);
    for (const id of this.#open) this.#deps.questions.close(id);
    this.#open.clear();
  }

  #request(request: InputRequest): boolean {
    const { questions, organizationId, grantId, sessionId, send } = this.#deps;
    const id = questions.open({
      organizationId,
      grantId,
      sessionId,
      answered: (response) => this.#answered(id ?? '', request.key, response),
    });
    if (id === undefined) return false;
    this.#open.add(id);
    const params = asLegacy(request);
    send(
      `{"jsonrpc":"2.0","id":${JSON.stringify(id)},` +
        `"method":${JSON.stringify(request.method)}${params === undefined ? '' : `,"params":${params}`}}`,
    );
    return true;
  }

  #answered(id: string, key: string, response: string): void {
    this.#open.delete(id);
    const result = membersOf(response).get('result');
    if (result === undefined) return this.#finish(undefined);
    this.#responses.push(`${JSON.stringify(key)}:${result}`);
    if (this.#open.size === 0) this.#finish(`{${this.#responses.join(',')}}`);
  }

  #finish(responses: string | undefined): void {
    this.cancel();
    this.#done(responses);
  }
}
