/** The little of Plotly.js that the page calls; its own types weigh more than its use here. */
declare module "plotly.js" {
  export type Figure = HTMLElement & {
    on(event: string, listener: (data: Record<string, unknown>) => void): void;
    removeAllListeners?(event: string): void;
  };
  export const version: string;
  export function react(element: HTMLElement, data: object[], layout: object, config?: object): Promise<Figure>;
  export function relayout(element: HTMLElement, changes: Record<string, unknown>): Promise<Figure>;
  export function purge(element: HTMLElement): void;
  export namespace Fx {
    function unhover(element: HTMLElement): void;
  }
}

interface Window {
  Plotly?: typeof import("plotly.js");
}
