import { text } from './content.mjs';

/**
 * Tools that need input from the client. In 2026-07-28 they answer `input_required`, and the client calls again with
 * what was wanted; in the session era they ask during the call. A form counts as answered when it was accepted with
 * every field of its type; anything else is asked for again.
 */
const form = (message, properties) => ({
  capability: 'elicitation',
  request: {
    method: 'elicitation/create',
    params: {
      mode: 'form',
      message,
      requestedSchema: { type: 'object', properties, required: Object.keys(properties) },
    },
  },
  accepts: (given) =>
    given?.action === 'accept' &&
    Object.entries(properties).every(([key, { type }]) => typeof given.content?.[key] === type),
});
const model = (question) => ({
  capability: 'sampling',
  request: {
    method: 'sampling/createMessage',
    params: { messages: [{ role: 'user', content: text(question) }], maxTokens: 100 },
  },
  accepts: (given) => given?.content !== undefined,
});
const roots = {
  capability: 'roots',
  request: { method: 'roots/list', params: {} },
  accepts: (given) => Array.isArray(given?.roots),
};

const openIn = (what, round, answers, io) =>
  Object.entries(round).filter(
    ([key, one]) =>
      !(key in answers) && (!what.asksOnlyWhatIsDeclared || io.capabilities()[one.capability] !== undefined),
  );

/**
 * Answers from `io.inputs`, and from `io.state` when the answers travel sealed. Without a sealed state of this very
 * tool, sealed rounds begin anew.
 */
const answered = ({ name, rounds, sealed }, io) => {
  const state = io.state();
  if (sealed && state?.name !== name) return {};
  const wanted = Object.entries(Object.assign({}, ...rounds));
  const given = wanted.filter(([key, one]) => one.accepts(io.inputs[key])).map(([key]) => [key, io.inputs[key]]);
  return { ...(sealed ? state.answers : {}), ...Object.fromEntries(given) };
};

const byAnswering = async (what, io) => {
  const answers = answered(what, io);
  for (const round of what.rounds) {
    const open = openIn(what, round, answers, io);
    if (open.length === 0) continue;
    const inputRequests = Object.fromEntries(open.map(([key, one]) => [key, one.request]));
    return io.inputRequired({
      inputRequests,
      ...(what.sealed ? { requestState: await io.seal({ name: what.name, answers }) } : {}),
    });
  }
  return what.done(answers);
};

const byAsking = async (what, io) => {
  const answers = {};
  for (const round of what.rounds) {
    await Promise.all(
      openIn(what, round, answers, io).map(async ([key, one]) => {
        answers[key] = await io.ask(one.request.method, one.request.params);
        if (!one.accepts(answers[key])) throw new Error(`${key} was not given`);
      }),
    );
  }
  return what.done(answers);
};

/** One call of a tool or prompt: what is still open, or `done(answers)`. */
const inRounds = (what) => (_args, io) => (io.inputRequired ? byAnswering(what, io) : byAsking(what, io));

const says = (value) => ({ content: [text(value)] });
const tool = (name, rounds, more = {}) => ({
  name: `test_${name}`,
  description: 'Needs input before it answers',
  inputSchema: { type: 'object' },
  call: inRounds({ name, rounds, done: () => says('Had all the input it needs.'), ...more }),
});

const userName = form('What is your name?', { name: { type: 'string' } });
const confirm = form('Please confirm', { ok: { type: 'boolean' } });

export const inputTools = [
  tool('input_required_result_elicitation', [{ user_name: userName }], {
    done: (given) => says(`Hello, ${given.user_name.content.name}!`),
  }),
  tool('input_required_result_sampling', [{ capital_question: model('What is the capital of France?') }]),
  tool('input_required_result_list_roots', [{ client_roots: roots }], {
    done: (given) => says(given.client_roots.roots.map(({ uri }) => uri).join(' ')),
  }),
  tool('input_required_result_request_state', [{ confirm }], { sealed: true, done: () => says('state-ok') }),
  tool('input_required_result_tampered_state', [{ confirm }], { sealed: true }),
  tool(
    'input_required_result_multiple_inputs',
    [{ user_name: userName, greeting: model('Greet somebody'), client_roots: roots }],
    { sealed: true },
  ),
  tool(
    'input_required_result_multi_round',
    [{ step1: userName }, { step2: form('What is your favourite colour?', { color: { type: 'string' } }) }],
    { sealed: true },
  ),
  tool('input_required_result_capabilities', [{ user_name: userName, greeting: model('Greet somebody') }], {
    asksOnlyWhatIsDeclared: true,
  }),
  tool('missing_capability', [{ answer: model('Say pong') }]),
];

export const inputPrompt = {
  name: 'test_input_required_result_prompt',
  description: 'Needs input before it answers',
  get: inRounds({
    name: 'prompt',
    rounds: [{ user_context: form('In which context?', { context: { type: 'string' } }) }],
    done: (given) => ({
      messages: [{ role: 'user', content: text(`In the context of ${given.user_context.content.context}`) }],
    }),
  }),
};
