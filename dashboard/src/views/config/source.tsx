// A text with its line numbers, which are left out when it is copied.

export function Source({ text, label }: { text: string; label: string }) {
  const lines = text.replace(/\n$/, "").split("\n");
  return (
    <pre class="source" tabIndex={0} aria-label={label}>
      {lines.map((line, index) => (
        <span key={index} class="line">
          <span class="line-number" aria-hidden="true" data-number={index + 1} />
          {line}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
