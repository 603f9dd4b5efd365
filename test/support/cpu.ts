const TRIES = 5;

/** The processor time of a piece of work in milliseconds: the least of some tries, as a busy machine adds its own. */
export const cpuMs = (work: () => unknown): number => {
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const began = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(began);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
};

const MEBIBYTE = JSON.stringify(
  Array.from({ length: 15_000 }, (_, index) => ({ name: `a name ${index}`, value: index, more: ['text', true, null] })),
).slice(0, 2 ** 20);
const TEXT = `${MEBIBYTE.slice(0, MEBIBYTE.lastIndexOf('},{'))}}]`;

/** What parsing one mebibyte of JSON costs here and now, in milliseconds. */
export const costOfParsing = (): number =>
  Math.max(
    cpuMs(() => JSON.parse(TEXT)),
    1,
  );

/** The cost of work in units that don't depend on the machine: parsing one mebibyte of JSON in the same run. */
export const costInParses = (work: () => unknown): number => {
  const unit = costOfParsing();
  return cpuMs(work) / unit;
};
