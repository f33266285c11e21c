/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
const c = document.querySelector("canvas")!.getContext("2d");
c!.fillRect(0,0,1,1);
