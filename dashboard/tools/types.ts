// Makes TypeScript types of the schemas in an OpenAPI document.
//
// It knows what the document of Roundel uses and throws at anything else, so that a schema is never
// taken for less than it says. A generator from the registry would bring a second compiler with it.

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: boolean | Schema;
  allOf?: Schema[];
  oneOf?: Schema[];
}

export interface Document {
  components: { schemas: Record<string, Schema> };
}

const HEAD = `// Made of docs/reference/openapi.json by \`ROUNDEL_BLESS=1 npm test\`, and held against it by \`npm test\`.
`;

/** The text of a module with a type for each schema, in the order of the alphabet. */
export function typesOf(document: Document): string {
  const schemas = Object.entries(document.components.schemas);
  schemas.sort(([one], [other]) => (one < other ? -1 : 1));
  return HEAD + schemas.map(([name, schema]) => `\n${declared(name, schema)}`).join("");
}

function declared(name: string, schema: Schema): string {
  const doc = comment(schema.description, "");
  const isInterface = schema.type === "object" && schema.properties !== undefined;
  if (isInterface) return `${doc}export interface ${name} ${fields(schema, "")}\n`;
  return `${doc}export type ${name} = ${typeOf(schema, "")};\n`;
}

function typeOf(schema: Schema, indent: string): string {
  if (schema.$ref !== undefined) return schema.$ref.replace("#/components/schemas/", "");
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.allOf !== undefined) return joined(schema.allOf, " & ", indent);
  if (schema.oneOf !== undefined) return joined(schema.oneOf, " | ", indent);
  const types = [schema.type ?? []].flat();
  if (types.length === 0) throw new Error(`a schema without a type: ${JSON.stringify(schema)}`);
  return types.map((type) => ofType(type, schema, indent)).join(" | ");
}

function joined(schemas: Schema[], sign: string, indent: string): string {
  return schemas.map((schema) => typeOf(schema, indent)).join(sign);
}

function ofType(type: string, schema: Schema, indent: string): string {
  switch (type) {
    case "string":
    case "boolean":
    case "null":
      return type;
    case "integer":
    case "number":
      return "number";
    case "array":
      return arrayOf(schema, indent);
    case "object":
      return objectOf(schema, indent);
    default:
      throw new Error(`a type of which nothing is known: ${type}`);
  }
}

function arrayOf({ items }: Schema, indent: string): string {
  if (items === undefined) throw new Error("an array of what?");
  const item = typeOf(items, indent);
  return /[ |&]/.test(item) ? `(${item})[]` : `${item}[]`;
}

function objectOf(schema: Schema, indent: string): string {
  const { properties, additionalProperties } = schema;
  if (properties !== undefined) return fields(schema, indent);
  if (typeof additionalProperties === "object") {
    return `Record<string, ${typeOf(additionalProperties, indent)}>`;
  }
  return "Record<string, unknown>";
}

function fields({ properties = {}, required = [] }: Schema, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(properties).map(([key, schema]) => {
    const mark = required.includes(key) ? "" : "?";
    return `${comment(schema.description, inner)}${inner}${key}${mark}: ${typeOf(schema, inner)};\n`;
  });
  return `{\n${lines.join("")}${indent}}`;
}

function comment(description: string | undefined, indent: string): string {
  if (description === undefined) return "";
  const lines = description.replaceAll("*/", "* /").split("\n");
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}\n`).join("")}${indent} */\n`;
}
