"""Images per second of torchvision on Pillow, for prismatic's letterbox transform. Reads {size, patch, files: [base64]} lines from standard input, one per
way, and answers each with JSON lines: {"seconds": [decode to patches of all files, per round]}. One thread, as one worker of a DataLoader."""
import base64, io, json, sys, time
import PIL, torch, torchvision
import torchvision.transforms as T
import torchvision.transforms.functional as F
from PIL import Image

torch.set_num_threads(1)


def letterbox(image):
    (w, h), side = image.size, max(image.size)
    x, y = int((side - w) / 2), int((side - h) / 2)
    return F.pad(image, (x, y, x, y), fill=(127, 127, 127), padding_mode="constant")


def patches(x, p):
    c, h, w = x.shape
    return x.view(c, h // p, p, w // p, p).permute(1, 3, 2, 4, 0).reshape(-1, p * p * c).contiguous()


print(json.dumps({"versions": f"torchvision {torchvision.__version__.split('+')[0]} on Pillow {PIL.__version__}"}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    files = [base64.b64decode(f) for f in job["files"]]
    size = job["size"]
    resize = T.Resize((size, size), interpolation=T.InterpolationMode.BICUBIC)
    transform = T.Compose([letterbox, resize, T.ToTensor(), T.Normalize([0.5] * 3, [0.5] * 3)])
    start = time.perf_counter()
    for f in files:
        patches(transform(Image.open(io.BytesIO(f)).convert("RGB")), job["patch"])
    print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
