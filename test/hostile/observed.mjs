/** Loaded into the gateway's process: tells its parent, when asked, what is left on the heap after collection and what is open. */
process.on('message', ({ ask }) => {
  if (ask !== 'memory') return;
  globalThis.gc();
  setImmediate(() => {
    globalThis.gc();
    const { heapUsed, external, rss } = process.memoryUsage();
    const open = process.getActiveResourcesInfo().filter((name) => !name.endsWith('Wrap') || name.includes('TCP') || name.includes('Pipe'));
    process.send({ memory: { heapUsed, external, rss, open: open.length } });
  });
});
// The channel to the parent must not keep a gateway alive that wants to end.
process.channel?.unref();
