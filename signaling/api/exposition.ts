/** Numbers as Prometheus reads them: families of samples, written by prom-client. */
import { Registry, type Metric } from 'prom-client';
import type { Distribution } from '../distribution';

type Labels = Record<string, string>;

export interface Family {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  samples: ReadonlyArray<{ labels?: Labels; value: number; name?: string }>;
}

export const gauge = (name: string, help: string, samples: Family['samples'] | number): Family => ({ name, help, type: 'gauge', samples: some(samples) });
/** `name` ends in `_total`. */
export const counter = (name: string, help: string, samples: Family['samples'] | number): Family => ({ name, help, type: 'counter', samples: some(samples) });

export function histogram(name: string, help: string, { bounds, counts, sum }: Distribution): Family {
  let below = 0;
  const buckets = counts.map((count, index) => ({ name: `${name}_bucket`, labels: { le: index < bounds.length ? String(bounds[index]) : '+Inf' }, value: (below += count) }));
  return { name, help, type: 'histogram', samples: [...buckets, { name: `${name}_sum`, value: sum }, { name: `${name}_count`, value: below }] };
}

/** A sample for each, its name as this label. */
export function by(label: string, values: Readonly<Record<string, number>>, labels: Labels = {}): Family['samples'] {
  return Object.entries(values).map(([name, value]) => ({ labels: { ...labels, [label]: name }, value }));
}

export const CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** What Prometheus is answered. The numbers are counted elsewhere; its own counters would know nothing of what was before they were made. */
export async function exposition(families: readonly Family[]): Promise<string> {
  const registry = new Registry();
  for (const { name, help, type, samples } of families) {
    const values = samples.map((sample) => ({ labels: sample.labels ?? {}, value: sample.value, metricName: sample.name ?? name }));
    registry.registerMetric({ name, get: async () => ({ name, help, type, values, aggregator: 'sum' }) } as unknown as Metric);
  }
  return registry.metrics();
}

const some = (samples: Family['samples'] | number): Family['samples'] => (typeof samples === 'number' ? [{ value: samples }] : samples);
