// The last minute of each endpoint's rate, for sparklines: bounded by endpoints and points.

import type { Pool } from "../api/types";

export const RATE_POINTS = 60;

export class Rates {
  #tracks = new Map<string, number[]>();

  /** Adds a point for each endpoint, and forgets those that are gone. */
  take(pools: readonly Pool[]): void {
    const next = new Map<string, number[]>();
    for (const pool of pools) {
      for (const endpoint of pool.endpoints) {
        const key = keyOf(pool.name, endpoint.name);
        const track = this.#tracks.get(key) ?? [];
        track.push(endpoint.requests_per_second);
        if (track.length > RATE_POINTS) track.shift();
        next.set(key, track);
      }
    }
    this.#tracks = next;
  }

  of(pool: string, endpoint: string): readonly number[] {
    return this.#tracks.get(keyOf(pool, endpoint)) ?? [];
  }

  clear(): void {
    this.#tracks.clear();
  }
}

function keyOf(pool: string, endpoint: string): string {
  return `${pool}\n${endpoint}`;
}
