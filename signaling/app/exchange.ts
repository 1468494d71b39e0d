/**
 * What the registrar side of the application uses of drachtio-srf's request and response, and nothing more: a unit test
 * hands in plain objects, and a change in srf shows up here.
 */

/** A request as srf delivers it. `get` takes any header name and returns the value, several lines joined by a comma. */
export interface IncomingRequest {
  readonly method: string;
  readonly uri: string;
  /** Where the bytes came from, as seen by the engine (not what Via or Contact claim). */
  readonly source_address: string;
  readonly source_port: number | string;
  /** `udp`, `tcp`, … */
  readonly protocol: string;
  get(name: string): string | undefined;
}

/** The answer to a request. srf sends one line per header name. */
export interface Responder {
  send(status: number, reason: string, options: { headers: Record<string, string> }): void;
}

/** An answer that a part has decided on and not sent yet. */
export interface Refusal {
  status: number;
  /** Printable ASCII of our own: never text from the network. */
  reason: string;
  headers?: Record<string, string>;
}
