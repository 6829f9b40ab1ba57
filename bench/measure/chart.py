"""A bar chart as SVG: one group a scenario, one bar a proxy, lengths in units of Roundel's."""

from html import escape

BAR, GAP, LABEL, SCALE, WIDTH = 14, 18, 110, 330, 640
COLOURS = {"roundel": "#0f766e", "nginx": "#64748b", "haproxy": "#7c8aa0", "envoy": "#94a3b8",
           "traefik": "#a8b4c6", "caddy": "#bcc6d5", "pingora": "#cbd5e1", "floor": "#d6b36a"}


def bars(groups):
    """`groups`: ratios by proxy, by title."""
    rows, top = [], 8
    longest = max((ratio for group in groups.values() for ratio in group.values()), default=1.0)
    for title, group in groups.items():
        rows.append(text(0, top + 12, title, "title"))
        top += 22
        for name, ratio in sorted(group.items(), key=lambda pair: -pair[1]):
            length = SCALE * ratio / longest
            colour = COLOURS.get(name, "#999999")
            rows.append(text(LABEL - 8, top + 11, name, "name"))
            rows.append(f'<rect x="{LABEL}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2" fill="{colour}"/>')
            rows.append(text(LABEL + length + 6, top + 11, f"{ratio:.2f}", "value"))
            top += BAR + 3
        top += GAP
    style = ("text{font:12px system-ui,sans-serif;fill:#475569}.title{font-weight:600;fill:#334155}"
             ".name{text-anchor:end}@media(prefers-color-scheme:dark){text{fill:#cbd5e1}.title{fill:#e2e8f0}}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" '
            f'viewBox="0 0 {WIDTH} {top}" role="img" aria-label="Requests per CPU second, Roundel is 1">\n'
            f"<style>{style}</style>\n" + "\n".join(rows) + "\n</svg>\n")


def text(x, y, words, kind):
    return f'<text x="{x:.1f}" y="{y}" class="{kind}">{escape(words)}</text>'
