import { decorateSink, type Sink } from '../../mcp/upstream/forward.js';

const PUBLIC = /("cacheScope"\s*:\s*)"public"/g;
/** How much of such a member the end of a chunk may hold. No server writes more white space in it. */
const MAX_MEMBER_LENGTH = 64;

/**
 * Changes `cacheScope: public` to `private` in a passing answer: under a policy no answer is the same for everybody.
 * JSON escapes quotes within texts, so that these bytes are always a member.
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
