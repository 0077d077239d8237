/* A frame onto a canvas: WebGL2 where there is one, otherwise a plain canvas. Both take the same
   table of grey values, so both show the same greys. */
(function (MV) {
  "use strict";

  var VERTEX = "#version 300 es\nin vec2 p;void main(){gl_Position=vec4(p,0.0,1.0);}";
  var FRAGMENT = [
    "#version 300 es",
    "precision highp float;precision highp int;precision highp usampler2D;",
    "uniform usampler2D image;uniform usampler2D table;",
    "uniform ivec2 size;uniform mat3 back;uniform float height;",
    "uniform bool colour;uniform bool smooth_;uniform int parts;out vec4 shown;",
    "float grey(uint v){return float(texelFetch(table,ivec2(v&255u,v>>8),0).r)/255.0;}",
    "vec3 cell(ivec2 p){uvec4 t=texelFetch(image,clamp(p,ivec2(0),size-1),0);",
    " return colour?vec3(grey(t.r),grey(t.g),grey(t.b)):vec3(grey(t.r));}",
    "vec3 between(vec2 p){p-=0.5;ivec2 i=ivec2(floor(p));vec2 f=p-floor(p);",
    " return mix(mix(cell(i),cell(i+ivec2(1,0)),f.x),",
    "  mix(cell(i+ivec2(0,1)),cell(i+ivec2(1,1)),f.x),f.y);}",
    "vec2 source(vec2 at){return (back*vec3(at.x,height-at.y,1.0)).xy;}",
    "void main(){",
    " vec2 p=source(gl_FragCoord.xy);",
    " if(p.x<0.0||p.y<0.0||p.x>=float(size.x)||p.y>=float(size.y)){",
    "  shown=vec4(0.0,0.0,0.0,1.0);return;}",
    " if(parts>1){vec3 sum=vec3(0.0);float n=float(parts);",
    "  for(int y=0;y<parts;y++)for(int x=0;x<parts;x++){",
    "   vec2 q=gl_FragCoord.xy-0.5+(vec2(x,y)+0.5)/n;sum+=cell(ivec2(floor(source(q))));}",
    "  shown=vec4(sum/(n*n),1.0);}",
    " else shown=vec4(smooth_?between(p):cell(ivec2(floor(p))),1.0);}"
  ].join("\n");

  function compiled(gl, kind, text) {
    var shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) { throw new Error("no shader"); }
    return shader;
  }

  function inverse(m) {
    var d = m.a * m.d - m.b * m.c;
    return {
      a: m.d / d, b: -m.b / d, c: -m.c / d, d: m.a / d,
      e: (m.c * m.f - m.d * m.e) / d, f: (m.b * m.e - m.a * m.f) / d
    };
  }

  MV.inverse = inverse;

  function Gl(canvas) {
    var gl = canvas.getContext("webgl2", {
      alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true
    });
    if (!gl) { throw new Error("no WebGL2"); }
    this.kind = "webgl2";
    this.gl = gl;
    this.canvas = canvas;
    this.most = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    var program = gl.createProgram();
    gl.attachShader(program, compiled(gl, gl.VERTEX_SHADER, VERTEX));
    gl.attachShader(program, compiled(gl, gl.FRAGMENT_SHADER, FRAGMENT));
    gl.bindAttribLocation(program, 0, "p");
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) { throw new Error("no program"); }
    gl.useProgram(program);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.places = {};
    ["image", "table", "size", "back", "height", "colour", "smooth_", "parts"].forEach(
      function (name) { this.places[name] = gl.getUniformLocation(program, name); }, this);
    this.image = this.texture(0);
    this.table = this.texture(1);
    gl.uniform1i(this.places.image, 0);
    gl.uniform1i(this.places.table, 1);
  }

  Gl.prototype.texture = function (unit) {
    var gl = this.gl, made = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, made);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    return made;
  };

  Gl.prototype.takes = function (frame) {
    return frame.rows <= this.most && frame.columns <= this.most && !this.gl.isContextLost();
  };

  Gl.prototype.draw = function (frame, greys, m, smooth) {
    var gl = this.gl, back = inverse(m);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    if (this.frame !== frame) {
      this.frame = frame;
      gl.activeTexture(gl.TEXTURE0);
      var form = frame.colour ? [gl.RGBA8UI, gl.RGBA_INTEGER, gl.UNSIGNED_BYTE] :
        frame.record.b === 8 ? [gl.R8UI, gl.RED_INTEGER, gl.UNSIGNED_BYTE] :
          [gl.R16UI, gl.RED_INTEGER, gl.UNSIGNED_SHORT];
      gl.texImage2D(gl.TEXTURE_2D, 0, form[0], frame.columns, frame.rows, 0, form[1], form[2],
        frame.cells);
    }
    if (this.greys !== greys) {
      this.greys = greys;
      gl.activeTexture(gl.TEXTURE1);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8UI, 256, greys.length / 256, 0, gl.RED_INTEGER,
        gl.UNSIGNED_BYTE, greys);
    }
    gl.uniform2i(this.places.size, frame.columns, frame.rows);
    gl.uniformMatrix3fv(this.places.back, false,
      [back.a, back.b, 0, back.c, back.d, 0, back.e, back.f, 1]);
    gl.uniform1f(this.places.height, this.canvas.height);
    gl.uniform1i(this.places.colour, frame.colour ? 1 : 0);
    gl.uniform1i(this.places.smooth_, smooth ? 1 : 0);
    var step = Math.max(Math.hypot(back.a, back.b), Math.hypot(back.c, back.d));
    gl.uniform1i(this.places.parts, step > 1.01 ? Math.min(8, Math.ceil(step)) : 1);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  };

  Gl.prototype.clear = function () {
    this.gl.clearColor(0, 0, 0, 1);
    this.gl.clear(this.gl.COLOR_BUFFER_BIT);
  };

  function Plain(canvas) {
    this.kind = "canvas";
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.source = document.createElement("canvas");
  }

  Plain.prototype.takes = function () { return true; };

  Plain.prototype.fill = function (frame, greys) {
    var source = this.source, cells = frame.cells;
    if (source.width !== frame.columns || source.height !== frame.rows) {
      source.width = frame.columns;
      source.height = frame.rows;
    }
    var context = source.getContext("2d");
    var image = context.createImageData(frame.columns, frame.rows), out = image.data, i;
    if (frame.colour) {
      for (i = 0; i < out.length; i += 4) {
        out[i] = greys[cells[i]];
        out[i + 1] = greys[cells[i + 1]];
        out[i + 2] = greys[cells[i + 2]];
        out[i + 3] = 255;
      }
    } else {
      var words = new Uint32Array(out.buffer), all = 0xff000000;
      for (i = 0; i < words.length; i++) {
        var grey = greys[cells[i]];
        words[i] = (all | grey << 16 | grey << 8 | grey) >>> 0;
      }
    }
    context.putImageData(image, 0, 0);
  };

  Plain.prototype.draw = function (frame, greys, m, smooth) {
    if (this.frame !== frame || this.greys !== greys) {
      this.fill(frame, greys);
      this.frame = frame;
      this.greys = greys;
    }
    this.clear();
    var even = Math.abs(m.a) === 1 && m.b === 0 && Math.abs(m.d) === 1;
    this.context.imageSmoothingEnabled = smooth && !even;
    this.context.imageSmoothingQuality = "high";
    this.context.setTransform(m.a, m.b, m.c, m.d, m.e, m.f);
    this.context.drawImage(this.source, 0, 0);
  };

  Plain.prototype.clear = function () {
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  };

  /* The best that this browser has; "canvas" in the address asks for the plain one. */
  MV.painter = function (canvas, plain) {
    if (!plain && !/[?#&]canvas/.test(location.href)) {
      try { return new Gl(canvas); } catch (error) { /* the plain one does it too */ }
    }
    return new Plain(canvas);
  };
})(window.MV = window.MV || {});
