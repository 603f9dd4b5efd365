/**
 * A decimal number without rounding, as the database counts: `units` of 10 to the power of minus `scale`, which may be
 * below 0.
 */
type Decimal = Readonly<{ units: bigint; scale: number }>;

/** An exact sum: a number while it is whole and small enough for one, infinite when nobody knows how much was added. */
export type Sum = number | Decimal;

/** A sum and one more amount, which is a finite number or infinity. */
export function plus(sum: Sum, amount: number): Sum {
  if (typeof sum === 'number') {
    const quick = sum + amount;
    if (Number.isSafeInteger(quick) && Number.isSafeInteger(amount)) return quick;
    if (quick === Number.POSITIVE_INFINITY && (sum === quick || amount === quick)) return quick;
  } else if (amount === Number.POSITIVE_INFINITY) return amount;
  return combined(sum, amount, 1n);
}

/** A sum less an amount, never below 0. */
export function minus(sum: Sum, amount: number): Sum {
  if (sum === Number.POSITIVE_INFINITY) return sum;
  if (!isOver(sum, amount)) return 0;
  if (typeof sum === 'number' && Number.isSafeInteger(amount)) return sum - amount;
  return combined(sum, amount, -1n);
}

/** Whether a sum is more than a number. */
export function isOver(sum: Sum, most: number): boolean {
  if (typeof sum === 'number') return sum > most;
  if (most === Number.POSITIVE_INFINITY) return false;
  const [one, other] = aligned(sum, decimalOf(most));
  return one.units > other.units;
}

function combined(sum: Sum, amount: number, sign: 1n | -1n): Decimal {
  const [one, other] = aligned(typeof sum === 'number' ? decimalOf(sum) : sum, decimalOf(amount));
  return { units: one.units + sign * other.units, scale: one.scale };
}

function aligned(one: Decimal, other: Decimal): readonly [Decimal, Decimal] {
  const scale = Math.max(one.scale, other.scale);
  return [scaled(one, scale), scaled(other, scale)];
}

function scaled({ units, scale: from }: Decimal, scale: number): Decimal {
  return { units: units * 10n ** BigInt(scale - from), scale };
}

/** The decimal number that a double is written as: the shortest that reads back as it. */
function decimalOf(number: number): Decimal {
  const [digits = '', exponent = '0'] = String(number).split('e');
  const [whole = '', fraction = ''] = digits.split('.');
  return { units: BigInt(whole + fraction), scale: fraction.length - Number(exponent) };
}
