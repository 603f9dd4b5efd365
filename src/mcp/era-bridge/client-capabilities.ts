import { isObject, type Json } from '../wire/json-object.js';
import { membersOf } from '../wire/json-text.js';

const isByUrl = (params: string | undefined): boolean => membersOf(params ?? '{}').get('mode') === '"url"';

/** What a client must declare to be asked this. */
export const requiredCapabilities = (method: string, params: string | undefined): Json => {
  if (method === 'elicitation/create') return { elicitation: { [isByUrl(params) ? 'url' : 'form']: {} } };
  return method === 'roots/list' ? { roots: {} } : { sampling: {} };
};

/** Whether a client of these capabilities can be asked this; undefined for a kind of question that there is not. */
export const isDeclared = (capabilities: Json, method: string, params: string | undefined): boolean | undefined => {
  switch (method) {
    case 'elicitation/create': {
      const { elicitation } = capabilities;
      // Empty means forms, as it did before there was another mode.
      return (
        isObject(elicitation) &&
        (isByUrl(params)
          ? isObject(elicitation['url'])
          : isObject(elicitation['form']) || !isObject(elicitation['url']))
      );
    }
    case 'sampling/createMessage':
      return isObject(capabilities['sampling']);
    case 'roots/list':
      return isObject(capabilities['roots']);
    default:
      return undefined;
  }
};
