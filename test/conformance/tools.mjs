import { setTimeout as sleep } from 'node:timers/promises';
import { embedded, image, SILENCE, text } from './content.mjs';
import { inputTools } from './input-tools.mjs';

const answer = (...content) => ({ content });
const plain = (name, description, call) => ({ name, description, inputSchema: { type: 'object' }, call });

const choices = (...pairs) => pairs.map(([value, title]) => ({ const: value, title }));

const ENUM_FIELDS = {
  untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
  titledSingle: { type: 'string', oneOf: choices(['value1', 'First'], ['value2', 'Second'], ['value3', 'Third']) },
  legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['One', 'Two', 'Three'] },
  untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
  titledMulti: {
    type: 'array',
    items: { anyOf: choices(['value1', 'First'], ['value2', 'Second'], ['value3', 'Third']) },
  },
};

const DEFAULT_FIELDS = {
  name: { type: 'string', default: 'John Doe' },
  age: { type: 'integer', default: 30 },
  score: { type: 'number', default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', default: true },
};

const elicit = async (io, message, properties, required = []) => {
  const given = await io.ask('elicitation/create', {
    mode: 'form',
    message,
    requestedSchema: { type: 'object', properties, required },
  });
  return answer(text(`Elicitation completed: action=${given.action}, content=${JSON.stringify(given.content ?? {})}`));
};

const FULL_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // oxlint-disable-next-line unicorn/no-thenable
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

/**
 * The tools that the suite calls, by the names and with the behaviour it expects. `call(args, io)` answers a tools/call
 * result; `io` is what a fixture's SDK offers: `log` and `logAsAsked` (only to who set a level), `progress`, `ask` (a
 * request to the client), `hangUp` (end this answer's stream; the rest is fetched later), `changed` (tell the clients
 * that a list changed) and what the tools that need input use.
 */
export const tools = [
  ...inputTools,
  plain('test_simple_text', 'Answers a text', () => answer(text('A simple text.'))),
  plain('test_image_content', 'Answers a picture', () => answer(image)),
  plain('test_audio_content', 'Answers a sound', () => answer({ type: 'audio', data: SILENCE, mimeType: 'audio/wav' })),
  plain('test_embedded_resource', 'Answers a resource', () =>
    answer(embedded('test://embedded-resource', 'An embedded text.')),
  ),
  plain('test_multiple_content_types', 'Answers three kinds of content', () =>
    answer(text('Three kinds:'), image, embedded('test://mixed-content-resource', 'The third.')),
  ),
  plain('test_tool_with_logging', 'Logs three lines while it works', async (_args, io) => {
    for (const line of ['started', 'at work', 'done']) {
      await io.log(line);
      await sleep(20);
    }
    return answer(text('Logged three lines.'));
  }),
  plain('test_tool_with_progress', 'Reports progress three times', async (_args, io) => {
    for (const progress of [0, 50, 100]) {
      await io.progress(progress);
      await sleep(20);
    }
    return answer(text('Reported progress.'));
  }),
  plain('test_error_handling', 'Always fails', () => ({ ...answer(text('This tool always fails.')), isError: true })),
  plain('test_reconnection', 'Ends its stream and answers on the next', async (_args, io) => {
    io.hangUp();
    await sleep(100);
    return answer(text('Answered after the stream had ended.'));
  }),
  {
    ...plain('test_sampling', "Asks the client's model", async ({ prompt }, io) => {
      const given = await io.ask('sampling/createMessage', {
        messages: [{ role: 'user', content: text(prompt) }],
        maxTokens: 100,
      });
      return answer(text(`LLM response: ${given.content?.text ?? 'none'}`));
    }),
    inputSchema: { type: 'object', properties: { prompt: { type: 'string' } }, required: ['prompt'] },
  },
  {
    ...plain('test_elicitation', 'Asks the user', ({ message }, io) =>
      elicit(io, message, { username: { type: 'string' }, email: { type: 'string' } }, ['username', 'email']),
    ),
    inputSchema: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] },
  },
  plain('test_elicitation_sep1034_defaults', 'Asks the user, with a default for each kind of field', (_args, io) =>
    elicit(io, 'Check these', DEFAULT_FIELDS),
  ),
  plain('test_elicitation_sep1330_enums', 'Asks the user, with each kind of choice', (_args, io) =>
    elicit(io, 'Choose', ENUM_FIELDS),
  ),
  {
    name: 'json_schema_2020_12_tool',
    description: 'Has a schema with most of JSON Schema 2020-12',
    inputSchema: FULL_SCHEMA,
    call: (args) => answer(text(JSON.stringify(args))),
  },
  {
    name: 'test_x_mcp_header',
    description: 'Has an argument that is mirrored into a header',
    inputSchema: {
      type: 'object',
      properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, level: { type: 'integer' } },
    },
    call: ({ region }) => answer(text(`region=${region ?? 'none'}`)),
  },
  plain('test_streaming_elicitation', 'Answers at once', () => answer(text('Asked nobody.'))),
  plain('test_logging_tool', 'Logs for those who asked for it', async (_args, io) => {
    await io.logAsAsked('at work');
    return answer(text('Logged.'));
  }),
  plain('test_trigger_tool_change', 'Says that the tools changed', async (_args, io) => {
    await io.changed.toolsChanged();
    return answer(text('Said so.'));
  }),
  plain('test_trigger_prompt_change', 'Says that the prompts changed', async (_args, io) => {
    await io.changed.promptsChanged();
    return answer(text('Said so.'));
  }),
];
