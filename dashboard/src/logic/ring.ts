// A buffer of fixed size that forgets the oldest: what bounds every list and chart of the page.

export class Ring<T> {
  readonly #capacity: number;
  #items: T[] = [];

  constructor(capacity: number) {
    this.#capacity = Math.max(1, capacity);
  }

  get length(): number {
    return Math.min(this.#items.length, this.#capacity);
  }

  /** Adds `item` at the end, and drops the first when there are too many. */
  push(item: T): void {
    this.#items.push(item);
    // Cutting in larger steps keeps the cost of a push constant on average.
    if (this.#items.length > this.#capacity * 2) this.#items = this.#items.slice(-this.#capacity);
  }

  /** What is kept, oldest first. */
  items(): T[] {
    return this.#items.length > this.#capacity ? this.#items.slice(-this.#capacity) : this.#items.slice();
  }

  last(): T | undefined {
    return this.#items.at(-1);
  }

  clear(): void {
    this.#items = [];
  }
}
