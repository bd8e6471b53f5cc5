/**
 * Full-jitter exponential back-off: a delay drawn evenly from [0, min(cap, base · 2^attempt)].
 *
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. Of the variants compared there
 * it spreads a crowd of returning clients best.
 */

export const BASE_MS = 500;
export const CAP_MS = 15_000;

/**
 * @param {number} attempt how many attempts failed in a row, from 0
 * @param {() => number} random evenly in [0, 1)
 * @returns {number} milliseconds to wait
 */
export function fullJitterMs(attempt, random, { baseMs = BASE_MS, capMs = CAP_MS } = {}) {
  return Math.round(random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30)));
}
