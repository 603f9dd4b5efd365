import { embedded, image, text } from './content.mjs';
import { inputPrompt } from './input-tools.mjs';

const says = (...contents) => ({ messages: contents.map((content) => ({ role: 'user', content })) });
const argument = (name, description) => ({ name, description, required: true });

/**
 * The prompts that the suite gets, by the names it expects. `get(args, io)` answers a prompts/get result; `io` as for
 * tools.
 */
export const prompts = [
  { name: 'test_simple_prompt', description: 'Takes nothing', get: () => says(text('A simple prompt.')) },
  {
    name: 'test_prompt_with_arguments',
    description: 'Says its two arguments',
    arguments: [argument('arg1', 'The first'), argument('arg2', 'The second')],
    get: ({ arg1, arg2 }) => says(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  },
  {
    name: 'test_prompt_with_embedded_resource',
    description: 'Embeds the resource it is given',
    arguments: [argument('resourceUri', 'The URI to embed')],
    get: ({ resourceUri }) => says(embedded(resourceUri, 'An embedded text.'), text('Read the resource above.')),
  },
  {
    name: 'test_prompt_with_image',
    description: 'Shows a picture',
    get: () => says(image, text('Look at the picture above.')),
  },
  inputPrompt,
];

/** What prompts/list answers. */
export const listedPrompts = { prompts: prompts.map(({ get: _get, ...shown }) => shown) };
