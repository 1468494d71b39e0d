/** Why and when a server ends: a signal (exit code 0) or a failure that it cannot serve on without (1). A second signal does not wait. */
export interface End {
  code: 0 | 1;
  why: string;
}

export class Ending {
  private readonly ended: Promise<End>;
  private settle!: (end: End) => void;
  private signals = 0;

  constructor(
    private readonly process: Pick<NodeJS.Process, 'on' | 'off'>,
    private readonly impatient: () => void,
  ) {
    this.ended = new Promise((resolve) => {
      this.settle = resolve;
    });
    process.on('SIGTERM', this.onSignal);
    process.on('SIGINT', this.onSignal);
  }

  wait(): Promise<End> {
    return this.ended;
  }

  fail(why: string): void {
    this.settle({ code: 1, why });
  }

  detach(): void {
    this.process.off('SIGTERM', this.onSignal);
    this.process.off('SIGINT', this.onSignal);
  }

  private readonly onSignal = (signal: NodeJS.Signals): void => {
    this.signals++;
    if (this.signals > 1) this.impatient();
    else this.settle({ code: 0, why: signal });
  };
}
