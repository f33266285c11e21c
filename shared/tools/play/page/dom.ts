/**
 * Elements, whose contents are text and never markup, and which change only where it is needed.
 *
 * @module
 */

/// <reference lib="dom" />

/** A new element with a class and a text. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  name = "",
  text = "",
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (name !== "") element.className = name;
  if (text !== "") element.textContent = text;
  return element;
}

/** The element of the page with an id. */
export function find<Type extends HTMLElement>(id: string): Type {
  return document.getElementById(id) as Type;
}

/** Gives an element another text. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Gives an element another class. */
export function setClass(element: HTMLElement, name: string): void {
  if (element.className !== name) element.className = name;
}

/** Gives an element exactly so many children, made by `add`, and returns them. */
export function children<Child extends HTMLElement>(
  parent: HTMLElement,
  count: number,
  add: (index: number) => Child,
): Child[] {
  while (parent.childElementCount > count) parent.lastElementChild!.remove();
  while (parent.childElementCount < count) parent.append(add(parent.childElementCount));
  return [...parent.children] as Child[];
}

/** A canvas of the width of its parent, sharp on every screen; its size is that of the page. */
export function fitted(canvas: HTMLCanvasElement, height: number): CanvasRenderingContext2D {
  const scale = devicePixelRatio;
  const width = Math.max(1, canvas.parentElement!.clientWidth - paddingOf(canvas.parentElement!));
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d")!;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** How wide a canvas is on the page. */
export function widthOf(canvas: HTMLCanvasElement): number {
  return canvas.width / devicePixelRatio;
}

function paddingOf(element: HTMLElement): number {
  const { paddingLeft, paddingRight } = getComputedStyle(element);
  return parseFloat(paddingLeft) + parseFloat(paddingRight);
}

let colors = new Map<string, string>();

/** A colour of the style sheet, by its name there without the dashes. */
export function color(name: string): string {
  const known = colors.get(name);
  if (known !== undefined) return known;
  const value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  colors.set(name, value);
  return value;
}

/** Calls `listener` when the page becomes light or dark. */
export function onSchemeChange(listener: () => void): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    colors = new Map();
    listener();
  });
}
