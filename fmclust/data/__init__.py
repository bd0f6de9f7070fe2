"""Image sources, the paper's split, readers of input files, and batches."""

from fmclust.data.array_files import ArrayFiles
from fmclust.data.digits import Digits
from fmclust.data.folder import PictureFolder
from fmclust.data.forms import Form, channels_first
from fmclust.data.idx_files import IdxFiles
from fmclust.data.kinds import option_for
from fmclust.data.listing import exclude_patterns
from fmclust.data.loader import EpochOrder, ResidentLoader
from fmclust.data.mnist_family import KMNIST, MNIST, FashionMNIST
from fmclust.data.opening import first_of, frequent_reasons, printable
from fmclust.data.picture_files import PictureFile
from fmclust.data.pictures import border_brightness
from fmclust.data.readers import Batch, Input, Reading, open_input, open_pictures
from fmclust.data.scales import Range, known_ranges, span_text
from fmclust.data.sources import ImageSource, build_source
from fmclust.data.splits import Split, number_unlabelled, sums_of
from fmclust.data.tables import TableFiles
