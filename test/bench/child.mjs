/**
 * The child's side of the talk with bench.mjs: `answer` says once that it is ready; afterwards `{ask: 'cpu'}` is
 * answered with the CPU time spent so far in microseconds, and whatever else `handlers` know. A child ends with its
 * parent.
 */
export const answer = (ready, handlers = {}) => {
  process.on('message', async ({ n, ask, ...rest }) => {
    try {
      const { user, system } = process.cpuUsage();
      const given =
        ask === 'cpu' ? { micros: user + system, rss: process.memoryUsage.rss() } : await handlers[ask](rest);
      process.send({ n, given });
    } catch (error) {
      process.send({ n, failed: String(error?.stack ?? error) });
    }
  });
  process.send({ ready });
};

process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);
