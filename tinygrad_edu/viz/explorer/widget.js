/* The page of an explorer in a frame of its own, so that several do not meet. What the page asks
   goes to Python, and what Python answers to the page. */
export default {
  render({ model, el }) {
    const frame = document.createElement("iframe");
    frame.title = "Backpropagation, step by step";
    frame.style = "width: 100%; height: 640px; border: 1px solid #8884; border-radius: 8px";
    frame.name = "python"; // by which the page knows that it is answered
    const show = () => { frame.srcdoc = model.get("page"); };
    const ask = ({ source, data }) => {
      if (source !== frame.contentWindow) return;
      if (data?.live) model.send(data.live);
    };
    const tell = (answer) => frame.contentWindow?.postMessage({ live: answer }, "*");
    show();
    el.append(frame);
    addEventListener("message", ask);
    model.on("change:page", show);
    model.on("msg:custom", tell);
    return () => {
      removeEventListener("message", ask);
      model.off("change:page", show);
      model.off("msg:custom", tell);
    };
  },
};
