import { decorateSink, type Sink } from '../../mcp/upstream/forward.js';

const PUBLIC = /("cacheScope"\s*:\s*)"public"/g;
/** What a chunk may end with of such a member; more white space than that is nobody's spelling. */
const MAX_MEMBER_LENGTH = 64;

/**
 * Makes `cacheScope: public` of an answer `private` as it passes: under a policy nothing is the same for everybody. A
 * quote inside a text is always escaped in JSON, so that these bytes are a member wherever they stand.
 */
export const forcePrivateScope = (sink: Sink): Sink => {
  let kept = '';
  const replaced = (text: string): string => text.replace(PUBLIC, '$1"private"');
  return decorateSink(sink, {
    head: (status, { 'content-length': _changes, ...headers }) => sink.head(status, headers),
    data: (chunk) => {
      const text = replaced(kept + chunk.toString('latin1'));
      const at = text.lastIndexOf('"cacheScope"');
      const from =
        at >= 0 && text.length - at < MAX_MEMBER_LENGTH ? at : Math.max(0, text.length - '"cacheScope"'.length);
      kept = text.slice(from);
      return from === 0 || sink.data(Buffer.from(text.slice(0, from), 'latin1'));
    },
    end: () => {
      if (kept !== '') sink.data(Buffer.from(replaced(kept), 'latin1'));
      sink.end();
    },
  });
};
