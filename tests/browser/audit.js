// What an accessibility audit can find by reading the page: names, references, structure, contrast, target sizes.
// Limits from WCAG 2.2: 1.4.3 (contrast 4.5, large text 3), 2.5.8 (targets of 24 px), 4.1.2 (names and roles).

() => {
  const found = [];
  const visible = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const all = (selector) => [...document.querySelectorAll(selector)].filter(visible);
  const where = (element) => `${element.localName}#${element.id}.${element.className?.baseVal ?? element.className}`;
  const report = (what, element) => found.push(`${what}: ${where(element)}`);

  const named = (element) => {
    const byId = (element.getAttribute("aria-labelledby") ?? "")
      .split(/\s+/)
      .filter(Boolean)
      .map((id) => document.getElementById(id)?.textContent ?? "");
    const labels = [...(element.labels ?? [])].map((label) => label.textContent);
    return [element.getAttribute("aria-label") ?? "", ...byId, ...labels, element.textContent].some(
      (text) => text.trim() !== "",
    );
  };
  for (const element of all("button, a[href], [role=meter], [role=group], [role=log], [role=region], aside, form")) {
    if (!named(element)) report("no name", element);
  }
  for (const field of all("textarea, input, select")) {
    if (!field.labels?.length && !field.hasAttribute("aria-label")) report("no label", field);
  }
  for (const image of all("img")) if (!image.hasAttribute("alt")) report("no alt", image);
  for (const svg of all("svg"))
    if (svg.getAttribute("aria-hidden") !== "true" && !svg.closest("[aria-hidden=true]")) report("svg not hidden", svg);

  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) found.push(`id twice: ${id}`);
  for (const attribute of ["aria-controls", "aria-labelledby", "aria-describedby"]) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute).split(/\s+/))
        if (!document.getElementById(id)) report(`${attribute} to nothing`, element);
    }
  }

  if (!document.documentElement.lang) found.push("no lang");
  if (!document.title) found.push("no title");
  for (const landmark of ["main", "header", "h1"]) {
    const count = all(landmark === "header" ? ".app > header" : landmark).length;
    if (count !== 1 && !document.querySelector("[inert]")) found.push(`${count} × ${landmark}`);
  }
  let level = 0;
  for (const heading of all("h1, h2, h3, h4, h5, h6")) {
    const now = Number(heading.localName[1]);
    if (now > level + 1) report(`heading jumps from ${level}`, heading);
    level = now;
  }
  for (const element of document.querySelectorAll("[tabindex]"))
    if (element.tabIndex > 0) report("positive tabindex", element);
  for (const target of all("button, a.skip, textarea")) {
    const { width, height } = target.getBoundingClientRect();
    if (width < 24 || height < 24) report(`target ${Math.round(width)}×${Math.round(height)}`, target);
  }

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const ground = (element) => {
    if (!element) return [255, 255, 255, 1];
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, ground(element.parentElement));
  };
  const luminance = ([r, g, b]) => {
    const [R, G, B] = [r, g, b]
      .map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * R + 0.7152 * G + 0.0722 * B;
  };
  const contrast = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  let checked = 0;
  for (const element of all("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
    if (!text || element.closest(":disabled, .visually-hidden, .skip:not(:focus)")) continue;
    const style = getComputedStyle(element);
    const back = ground(element);
    let opacity = 1;
    for (let at = element; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
    const front = rgba(style.color);
    front[3] *= opacity;
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = contrast(over(front, back), back);
    if (ratio < (large ? 3 : 4.5)) report(`contrast ${ratio.toFixed(2)}`, element);
    checked += 1;
  }
  if (checked === 0) found.push("no text was checked");
  return found;
};
