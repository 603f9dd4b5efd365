/** One grey pixel (PNG) and two silent samples (WAV), in base64. */
export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==';
export const SILENCE = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQIAAACAgA==';

export const text = (value) => ({ type: 'text', text: value });
export const image = { type: 'image', data: PIXEL, mimeType: 'image/png' };
export const embedded = (uri, value) => ({ type: 'resource', resource: { uri, mimeType: 'text/plain', text: value } });

export const resources = [
  { uri: 'test://static-text', name: 'static-text', description: 'A text that never changes', mimeType: 'text/plain' },
  {
    uri: 'test://static-binary',
    name: 'static-binary',
    description: 'A picture that never changes',
    mimeType: 'image/png',
  },
  {
    uri: 'test://watched-resource',
    name: 'watched-resource',
    description: 'A text that may be subscribed to',
    mimeType: 'text/plain',
  },
];

export const resourceTemplates = [
  {
    uriTemplate: 'test://template/{id}/data',
    name: 'template',
    description: 'Data by id',
    mimeType: 'application/json',
  },
];

/** The contents of a resource, or undefined when there is none at this URI. */
export const readResource = (uri) => {
  const known = resources.find((one) => one.uri === uri);
  if (known)
    return {
      contents: [
        {
          uri,
          mimeType: known.mimeType,
          ...(known.mimeType === 'image/png' ? { blob: PIXEL } : { text: `The text of ${known.name}.` }),
        },
      ],
    };
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  return id === undefined
    ? undefined
    : { contents: [{ uri, mimeType: 'application/json', text: JSON.stringify({ id, found: true }) }] };
};
