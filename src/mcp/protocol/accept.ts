const USUAL_ACCEPT = 'application/json, text/event-stream';

/**
 * Whether a client takes all of these media types by its `Accept` header (RFC 9110, 12.5.1). None at all takes
 * everything. MCP wants both of an answer's forms of a POST, as the server chooses between them.
 */
export const accepts = (header: string | undefined, types: readonly string[]): boolean => {
  if (header === undefined || header === USUAL_ACCEPT) return true;
  const ranges = header.split(',').flatMap((one) => {
    const [range = '', ...parameters] = one.split(';').map((part) => part.trim().toLowerCase());
    return parameters.some((parameter) => /^q=0(\.0{0,3})?$/.test(parameter)) ? [] : [range];
  });
  return types.every((type) =>
    ranges.some((range) => range === type || range === '*/*' || range === `${type.split('/')[0]}/*`),
  );
};
