package data

// Info describes a dataset.
type Info struct {
	Name        string // as on the command line
	Title       string
	Source      string    // the page that the dataset's makers publish
	Train, Test int       // numbers of images
	Classes     []string  // empty without labels
	Channels    int       // 1 or 3
	Size        int       // native edge in pixels; for a folder, the edge that training asked for
	Mean, Std   []float32 // of each channel of the training images, as shares of 255
	Bytes       int64     // size of the download
	Present     bool      // found on this machine
	Dir         string    // where it was found
	Digest      string    // from Open: of the content read; from List: of the published content
	Official    bool      // the content read is the published one, bit by bit
}

// layout is the form of a dataset's files.
type layout int

const (
	idx   layout = iota // the MNIST family: four IDX files
	cifar               // records of label bytes and planar pixels
)

// entry is what is known of a dataset beforehand.
type entry struct {
	info      Info
	layout    layout
	folders   []string   // where its files lie below a data folder; Fetch writes to the first
	addresses []string   // where its artefacts are published, in order of preference
	artefacts []artefact // what is downloaded
}

// artefact is a file to download: an IDX file under gzip, or a tar.gz with several members.
type artefact struct {
	name    string
	size    int64
	sha256  string // of the file as published
	members []member
}

// member is a file with the dataset's content, without compression.
type member struct {
	name   string
	size   int64  // the exact size, or the most it may have where sha256 is ""
	sha256 string // "" for names of classes, which no digest covers
}

// members are all files of the dataset that a digest covers, in the digest's order.
func (e entry) members() []member {
	var all []member
	for _, a := range e.artefacts {
		for _, m := range a.members {
			if m.sha256 != "" {
				all = append(all, m)
			}
		}
	}
	return all
}

// lookup finds a dataset by name.
func lookup(name string) (entry, bool) {
	for _, e := range catalogue() {
		if e.info.Name == name {
			return e, true
		}
	}
	return entry{}, false
}

// names are the names that Open knows.
func names() []string {
	var all []string
	for _, e := range catalogue() {
		all = append(all, e.info.Name)
	}
	return append(all, "folder")
}

// ownerOf names the dataset whose published labels of the training set are among the sums.
func ownerOf(sums []contentSum) (string, bool) {
	for _, e := range catalogue() {
		for _, m := range e.members() {
			for _, s := range sums {
				if s.name == m.name && s.sum == m.sha256 {
					return e.info.Name, true
				}
			}
		}
	}
	return "", false
}

// List describes the datasets that are known by name, and where they are on this machine. dir is looked up first,
// as by Open; it may be "".
func List(dir string) []Info {
	f := newFinder(dir)
	var all []Info
	for _, e := range catalogue() {
		i := e.info
		if at, err := f.find(e); err == nil {
			i.Present, i.Dir = true, at
		}
		all = append(all, i)
	}
	return all
}

// catalogue is what is known by name. Sizes and SHA-256 sums of the files are those of the official downloads,
// whose makers publish MD5 sums: https://github.com/zalandoresearch/fashion-mnist,
// https://www.cs.toronto.edu/~kriz/cifar.html. Debian's package of Fashion-MNIST stores the same content with a
// shorter gzip header. Means and standard deviations are over all pixels of the training images.
func catalogue() []entry {
	all := []entry{fashionMNIST(), mnist(), cifar10(), cifar100()}
	for i := range all {
		e := &all[i]
		e.info.Digest = publishedDigest(*e)
		for _, a := range e.artefacts {
			e.info.Bytes += a.size
		}
	}
	return all
}

func fashionMNIST() entry {
	return entry{
		info: Info{
			Name: "fashion-mnist", Title: "Fashion-MNIST: Zalando's articles, 28x28 grayscale",
			Source: "https://github.com/zalandoresearch/fashion-mnist",
			Train:  60000, Test: 10000, Channels: 1, Size: 28, Mean: []float32{0.2860}, Std: []float32{0.3530},
			Classes: []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"},
		},
		layout:    idx,
		folders:   []string{"fashion-mnist", "FashionMNIST/raw"},
		addresses: []string{"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com", "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion"},
		artefacts: []artefact{
			{"train-images-idx3-ubyte.gz", 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
				[]member{{"train-images-idx3-ubyte", 47040016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"}}},
			{"train-labels-idx1-ubyte.gz", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
				[]member{{"train-labels-idx1-ubyte", 60008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"}}},
			{"t10k-images-idx3-ubyte.gz", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
				[]member{{"t10k-images-idx3-ubyte", 7840016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"}}},
			{"t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
				[]member{{"t10k-labels-idx1-ubyte", 10008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"}}},
		},
	}
}

func mnist() entry {
	return entry{
		info: Info{
			Name: "mnist", Title: "MNIST: handwritten digits, 28x28 grayscale", Source: "http://yann.lecun.com/exdb/mnist/",
			Train: 60000, Test: 10000, Channels: 1, Size: 28, Mean: []float32{0.1307}, Std: []float32{0.3081},
			Classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
		},
		layout:    idx,
		folders:   []string{"mnist", "MNIST/raw"},
		addresses: []string{"https://ossci-datasets.s3.amazonaws.com/mnist", "http://yann.lecun.com/exdb/mnist"},
		artefacts: []artefact{
			{"train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
				[]member{{"train-images-idx3-ubyte", 47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"}}},
			{"train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
				[]member{{"train-labels-idx1-ubyte", 60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"}}},
			{"t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
				[]member{{"t10k-images-idx3-ubyte", 7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"}}},
			{"t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
				[]member{{"t10k-labels-idx1-ubyte", 10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}}},
		},
	}
}

func cifar10() entry {
	const batch = 30730000 // 10,000 records of 1 + 3*32*32 bytes
	return entry{
		info: Info{
			Name: "cifar10", Title: "CIFAR-10: photographs of 10 classes, 32x32 RGB", Source: "https://www.cs.toronto.edu/~kriz/cifar.html",
			Train: 50000, Test: 10000, Channels: 3, Size: 32,
			Mean: []float32{0.4914, 0.4822, 0.4465}, Std: []float32{0.2470, 0.2435, 0.2616},
			Classes: []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
		},
		layout:    cifar,
		folders:   []string{"cifar10", "cifar-10-batches-bin"},
		addresses: []string{"https://www.cs.toronto.edu/~kriz"},
		artefacts: []artefact{{"cifar-10-binary.tar.gz", 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
			[]member{
				{"data_batch_1.bin", batch, "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
				{"data_batch_2.bin", batch, "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
				{"data_batch_3.bin", batch, "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
				{"data_batch_4.bin", batch, "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
				{"data_batch_5.bin", batch, "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
				{"test_batch.bin", batch, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"},
				{"batches.meta.txt", maxNames, ""},
			}}},
	}
}

func cifar100() entry {
	return entry{
		info: Info{
			Name: "cifar100", Title: "CIFAR-100: photographs of 100 classes, 32x32 RGB", Source: "https://www.cs.toronto.edu/~kriz/cifar.html",
			Train: 50000, Test: 10000, Channels: 3, Size: 32,
			Mean: []float32{0.5071, 0.4865, 0.4409}, Std: []float32{0.2673, 0.2564, 0.2762},
			Classes: []string{
				"apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
				"bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
				"chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
				"dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard",
				"lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
				"mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree",
				"plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket",
				"rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
				"squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
				"train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
			},
		},
		layout:    cifar,
		folders:   []string{"cifar100", "cifar-100-binary"},
		addresses: []string{"https://www.cs.toronto.edu/~kriz"},
		artefacts: []artefact{{"cifar-100-binary.tar.gz", 168513733, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
			[]member{
				{"train.bin", 153700000, "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29"},
				{"test.bin", 30740000, "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a"},
				{"fine_label_names.txt", maxNames, ""},
			}}},
	}
}
