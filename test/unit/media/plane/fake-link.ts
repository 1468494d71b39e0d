/** A worker as the plane sees it, that answers at once what the test says. */
import { WorkerRefusal, type WorkerLink } from '../../../../media/worker-link';

export interface FakeLink {
  link: WorkerLink;
  asked: string[];
  /** What a command is answered with; an Error is its refusal. Default: null. */
  answers: Record<string, unknown>;
}

export function fakeLink(answers: Record<string, unknown> = {}): FakeLink {
  const asked: string[] = [];
  const link = {
    alive: true,
    endpoints: 0,
    request: (op: string) => {
      asked.push(op);
      const answer = typeof answers[op] === 'function' ? (answers[op] as () => unknown)() : op in answers ? answers[op] : null;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  };
  return { link: link as unknown as WorkerLink, asked, answers };
}

export const refusal = (code: string): WorkerRefusal => new WorkerRefusal(code, code);

export const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};
