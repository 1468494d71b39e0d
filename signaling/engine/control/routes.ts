/** Which application is asked about which method: one entry per (application, verb), taken in turn per verb. */
import type { App, AppRouter } from '../core/app';

export class Routes implements AppRouter {
  private readonly verbs = new Map<string, { apps: App[]; next: number }>();

  /** @param verb lower-case SIP method. False: it was there already (drachtio-srf sends its routes again whenever one is added). */
  add(app: App, verb: string): boolean {
    const route = this.verbs.get(verb);
    if (!route) {
      this.verbs.set(verb, { apps: [app], next: 0 });
      return true;
    }
    if (route.apps.includes(app)) return false;
    route.apps.push(app);
    return true;
  }

  /** Removes this verb of this application and nothing else. */
  remove(app: App, verb: string): boolean {
    const route = this.verbs.get(verb);
    const at = route?.apps.indexOf(app) ?? -1;
    if (!route || at < 0) return false;
    route.apps.splice(at, 1);
    if (route.next > at) route.next--;
    if (route.apps.length === 0) this.verbs.delete(verb);
    return true;
  }

  removeAll(app: App): void {
    for (const verb of [...this.verbs.keys()]) this.remove(app, verb);
  }

  /** Verbs of one application. */
  count(app: App): number {
    let n = 0;
    for (const route of this.verbs.values()) if (route.apps.includes(app)) n++;
    return n;
  }

  pick(method: string): App | undefined {
    const route = this.verbs.get(method.toLowerCase());
    if (!route) return undefined;
    if (route.next >= route.apps.length) route.next = 0;
    return route.apps[route.next++];
  }
}
