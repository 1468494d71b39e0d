/** Short messages as a store keeps them, in memory. */
import type { TextMessage, TextMessages } from '../../../signaling/store/store';

export class MemoryTexts implements TextMessages {
  all: TextMessage[] = [];
  /** What every method fails with. */
  broken: Error | undefined;

  async add(message: TextMessage, max: { each: number }): Promise<boolean> {
    this.check();
    if (this.of(message.to).length >= max.each) return false;
    this.all.push({ ...message });
    return true;
  }

  async get(id: string): Promise<TextMessage | undefined> {
    return this.all.find((one) => one.id === id);
  }

  async list(): Promise<TextMessage[]> {
    return [...this.all].reverse();
  }

  async next(to: string): Promise<TextMessage | undefined> {
    this.check();
    const [first] = this.of(to).sort((a, b) => (a.id < b.id ? -1 : 1));
    return first && { ...first };
  }

  async waiting(): Promise<string[]> {
    return [...new Set(this.all.filter(({ state }) => state === 'queued').map(({ to }) => to))];
  }

  async tried(id: string, end?: { state: 'delivered' | 'failed'; endedAt: number }): Promise<boolean> {
    const message = this.all.find((one) => one.id === id && one.state === 'queued');
    if (message) Object.assign(message, { tries: message.tries + 1, ...end });
    return message !== undefined;
  }

  async expire(before: number, endedAt: number): Promise<TextMessage[]> {
    const old = this.all.filter(({ state, receivedAt }) => state === 'queued' && receivedAt < before);
    for (const one of old) Object.assign(one, { state: 'expired', endedAt });
    return old;
  }

  async forget(before: number): Promise<void> {
    this.all = this.all.filter(({ endedAt }) => endedAt === null || endedAt >= before);
  }

  states(): string {
    return this.all.map(({ body, state, tries }) => `${body} ${state} ${tries}`).join(', ');
  }

  private of(to: string): TextMessage[] {
    return this.all.filter((one) => one.to === to && one.state === 'queued');
  }

  private check(): void {
    if (this.broken) throw this.broken;
  }
}
