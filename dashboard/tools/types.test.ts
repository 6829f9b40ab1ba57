// The types of the API are those that it is described by.

import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Document, typesOf } from "./types";

const at = (path: string) => new URL(path, import.meta.url);

test("the types are made of the document that Roundel serves", () => {
  const document = JSON.parse(readFileSync(at("../../docs/reference/openapi.json"), "utf8")) as Document;
  const types = typesOf(document);
  const path = at("../src/api/schema.ts");
  if (process.env.ROUNDEL_BLESS !== undefined) writeFileSync(path, types);
  expect(readFileSync(path, "utf8")).toBe(types);
});

test("every kind of schema that the document has is told in full", () => {
  const types = typesOf({
    components: {
      schemas: {
        Word: { type: "string", enum: ["a", "b"], description: "One of two." },
        Thing: {
          type: "object",
          required: ["words", "counts", "at", "either"],
          properties: {
            words: { type: "array", items: { $ref: "#/components/schemas/Word" } },
            counts: { type: "object", additionalProperties: { type: "integer" } },
            at: { type: ["string", "null"], description: "When.\nNot always." },
            either: { oneOf: [{ type: "null" }, { $ref: "#/components/schemas/Word" }] },
            some: { type: "array", items: { type: ["number", "null"] } },
          },
        },
        Both: { allOf: [{ $ref: "#/components/schemas/Thing" }, { type: "object", properties: {} }] },
      },
    },
  });
  expect(types.slice(types.indexOf("export"))).toBe(`export type Both = Thing & {
};

export interface Thing {
  words: Word[];
  counts: Record<string, number>;
  /**
   * When.
   * Not always.
   */
  at: string | null;
  either: null | Word;
  some?: (number | null)[];
}

/** One of two. */
export type Word = "a" | "b";
`);
  expect(() => typesOf({ components: { schemas: { Odd: { type: "date" } } } })).toThrow("date");
});
