/** In which order people are called who share a number. Pure but for what is handed in. */
import type { Random } from '../clock';

export type Strategy = 'all' | 'in-turn' | 'random' | 'longest-idle' | 'round-robin';

export interface TurnDeps {
  random: Random;
  /** When somebody last hung up, on Clock.now(); undefined: longer ago than is remembered. */
  talkedUntil(number: string): number | undefined;
  /** Who came first the last time. */
  last: string | undefined;
}

/** All of them, the first to be called first. For `all` the order is that of the list. */
export function inOrder(strategy: Strategy, numbers: readonly string[], { random, talkedUntil, last }: TurnDeps): string[] {
  switch (strategy) {
    case 'random':
      return shuffled(numbers, random);
    case 'longest-idle':
      // of those who are equal the order stays
      return [...numbers].sort((a, b) => (talkedUntil(a) ?? -Infinity) - (talkedUntil(b) ?? -Infinity));
    case 'round-robin': {
      const next = last === undefined ? 0 : numbers.indexOf(last) + 1;
      return [...numbers.slice(next), ...numbers.slice(0, next)];
    }
    default:
      return [...numbers];
  }
}

/** Fisher and Yates. */
function shuffled(numbers: readonly string[], random: Random): string[] {
  const rest = [...numbers];
  const order: string[] = [];
  while (rest.length > 0) order.push(...rest.splice(random(4).readUInt32BE() % rest.length, 1));
  return order;
}
