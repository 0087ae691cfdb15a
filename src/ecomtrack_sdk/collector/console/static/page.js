// Buttons that need a script: copying a text, and a chart as a picture. Without scripts they stay hidden.
(() => {
  "use strict";
  const said = document.getElementById("copied");
  const select = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };
  const copy = async (node) => {
    try {
      await navigator.clipboard.writeText(node.textContent);
      if (said) said.textContent = "Copied.";
    } catch {
      // Browsers give the clipboard to secure pages only: select the text, so that one key copies it.
      for (let up = node.parentElement; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
      select(node);
      if (said) said.textContent = "Selected: press Ctrl+C or ⌘C.";
    }
  };
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.onclick = () => copy(document.getElementById(button.dataset.copy));
  }

  // A picture has no style sheet: what the page's one says is written onto each shape first.
  const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-family", "text-anchor"];
  const drawn = (chart) => {
    const copied = chart.cloneNode(true);
    const shapes = chart.querySelectorAll("*");
    copied.querySelectorAll("*").forEach((shape, place) => {
      const style = getComputedStyle(shapes[place]);
      for (const name of STYLES) shape.setAttribute(name, style.getPropertyValue(name));
    });
    const box = chart.viewBox.baseVal;
    copied.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copied.setAttribute("width", box.width);
    copied.setAttribute("height", box.height);
    return { text: new XMLSerializer().serializeToString(copied), width: box.width, height: box.height };
  };
  const picture = (chart, name) => {
    const { text, width, height } = drawn(chart);
    const image = new Image();
    image.onload = () => {
      const scale = 2; // sharp on screens and in print
      const canvas = document.createElement("canvas");
      canvas.width = width * scale;
      canvas.height = height * scale;
      const pen = canvas.getContext("2d");
      pen.fillStyle = getComputedStyle(document.body).backgroundColor;
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(blob);
        link.download = name;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      }, "image/png");
    };
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
  };
  for (const button of document.querySelectorAll("[data-png]")) {
    const chart = document.querySelector("svg.chart");
    if (!chart) continue;
    button.hidden = false;
    button.onclick = () => picture(chart, button.dataset.png);
  }
})();
