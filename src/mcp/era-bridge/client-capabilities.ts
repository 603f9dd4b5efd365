import { isObject, type Json } from '../../platform/json/json-object.js';
import { membersOf } from '../wire/json-text.js';

const isByUrl = (params: string | undefined): boolean => membersOf(params ?? '{}').get('mode') === '"url"';

/** The capabilities that a client must declare to get this request. */
export const requiredCapabilities = (method: string, params: string | undefined): Json => {
  if (method === 'elicitation/create') return { elicitation: { [isByUrl(params) ? 'url' : 'form']: {} } };
  return method === 'roots/list' ? { roots: {} } : { sampling: {} };
};

/** Whether a client with these capabilities takes this request; undefined for an unknown method. */
export const isDeclared = (capabilities: Json, method: string, params: string | undefined): boolean | undefined => {
  switch (method) {
    case 'elicitation/create': {
      const { elicitation } = capabilities;
      // An empty object means forms, the only mode before 2025-11-25.
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
